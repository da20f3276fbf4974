"""Turn a built mix into weights."""
