"""Zip and tar files from elsewhere, read without trusting them.

`unpack` makes a folder of one. `open_archive` reads one where it lies, nothing is unpacked to
disk; `carina.files.tree` names what is in it `data.zip!/train/a.png` and is what callers use.
"""

from carina.files.archives.entries import ArchiveLimits
from carina.files.archives.unpacking import unpack

__all__ = ["ArchiveLimits", "unpack"]
