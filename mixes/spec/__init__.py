"""The spec of a mix: every key that a person may write, what it means, and what is refused."""
