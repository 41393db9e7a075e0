"""PNG, JPEG, TIFF and BMP -> grey values, with Pillow.

A file's own header is read first (`stored` and a module for each format), so that what is too
large, checks out wrong or cannot be read exactly is refused before a decoder sees it. What each
kind of picture becomes stands in `docs/explanation/rasters.md`; golden hashes hold it.
"""

from carina.imaging.raster.decode import decode_raster

__all__ = ["decode_raster"]
