"""What tests of specs share: the names of a spec held against those that there are, as a build does it."""

from mixes.spec.known_names import KnownNames, name_problems
from mixes.spec.mix import MixSpec
from mixes.typed_yaml.binding import Bound


def check_names(spec: Bound[MixSpec], known: KnownNames) -> None:
    """Refuse a spec with names that nobody knows.

    Raises:
        SpecError: all that is wrong with its names.
    """
    problems = list(name_problems(spec.value, known))
    if problems:
        raise spec.errors(problems)
