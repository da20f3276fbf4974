"""Errors that a person can mend: each message gives place, found, wanted and remedy."""


class GristmillError(Exception):
    """Base of every error whose cause lies in the request or the data, not in our code."""


class SpecError(GristmillError):
    """A YAML file (mix spec or training config) that cannot be carried out."""


class DataError(GristmillError):
    """A shard, document or model file that is missing, damaged or not what it should be."""


class MixError(GristmillError):
    """A built mix whose files do not agree with its manifest, or that cannot be published."""


class CheckpointError(GristmillError):
    """A checkpoint that is missing, damaged or made by another run."""
