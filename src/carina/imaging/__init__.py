"""A file becomes a radiograph, and a radiograph the pixels that a network sees."""

from carina.imaging.prepare import prepare
from carina.imaging.read import read_radiograph, read_radiograph_bytes

__all__ = ["prepare", "read_radiograph", "read_radiograph_bytes"]
