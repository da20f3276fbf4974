"""Models as Hugging Face folders: begun from, and exported to."""
