"""The HTML report of a built mix: one offline file that accounts for every document read."""
