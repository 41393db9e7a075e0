"""Files that are read whole, and no larger than they may be."""

import pytest

from carina.errors import RunError
from carina.files.whole_files import read_whole


@pytest.mark.parametrize(
    ("size", "most", "said"),
    [
        (11, 10, "has 11 bytes, and 10 bytes are the most"),
        (30_000, 1_500, "has 30.0 kB, and 1.5 kB are the most"),
        (2_500_000, 999, "has 2.5 MB, and 999 bytes are the most"),
        (1_000_001, 1_000_000, "has 1,000,001 bytes, and 1,000,000 bytes are the most"),
    ],
)
def test_a_file_that_is_too_large_is_refused_with_both_sizes_in_a_unit_that_fits(
    size, most, said, tmp_path
):
    file = tmp_path / "file"
    file.write_bytes(bytes(size))
    with pytest.raises(RunError, match=said):
        read_whole(file, most_bytes=most, error=RunError)
