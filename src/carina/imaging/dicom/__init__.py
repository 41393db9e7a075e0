"""DICOM files: what is in them, and the film.

Read here and not by pydicom as a whole, which inflates and unfolds what a hostile file asks for;
its functions are the reference that the tests hold every grey value against.
"""

from carina.imaging.dicom.data_set import is_dicom
from carina.imaging.dicom.film import decode_dicom
from carina.imaging.dicom.refusals import DAMAGE

__all__ = ["DAMAGE", "decode_dicom", "is_dicom"]
