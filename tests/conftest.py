"""How all tests of properties look for examples: the same ones each time, in any time, kept nowhere.

`pytest --hypothesis-profile=default` looks for others.
"""

from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.load_profile("same")
