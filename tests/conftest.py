"""What all tests share: the same examples of properties each time, in any time; a cache of their own.

`pytest --hypothesis-profile=default` looks for other examples.
"""

from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.load_profile("same")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep copies of remote files and notes of proofs out of the cache of whoever runs the tests, and theirs out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
