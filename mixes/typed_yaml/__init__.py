"""YAML as a closed language, bound to settings dataclasses whose fields say what they mean."""
