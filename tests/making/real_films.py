"""Where the real films are, on machines that have them."""

from pathlib import Path

import pytest

REAL_FILMS = Path(__file__).parents[3] / "shared" / "data"


def needs_real_films(test):
    """Mark a test that reads `../shared/data`; it is skipped, with a word, where that is absent."""
    skip = pytest.mark.skipif(
        not REAL_FILMS.is_dir(), reason="../shared/data is absent: real films not tested"
    )
    return pytest.mark.real_films(skip(test))
