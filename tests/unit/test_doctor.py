"""`carina doctor` tries what it says of reading films."""

import pytest

from carina.errors import CouldNotError
from carina.imaging.dicom import codecs
from carina.workflows import doctor as doctor_module
from carina.workflows.doctor import doctor


def test_doctor_has_a_film_decoded_and_says_by_what_and_which_compressions_are_read():
    pytest.importorskip("imagecodecs")
    facts = doctor()
    assert facts["reading films"].startswith("works, in a process of its own")
    assert facts["compressed DICOM"].startswith("all kinds, with imagecodecs 2")


def test_doctor_says_why_films_cannot_be_read(monkeypatch):
    def fails(data, *, name):
        raise CouldNotError("the process that decodes films cannot be started: no memory")

    monkeypatch.setattr(doctor_module, "read_radiograph_bytes", fails)
    assert doctor()["reading films"].startswith("fails: the process that decodes films cannot")


def test_doctor_names_every_kind_that_is_not_read_without_the_extra(monkeypatch):
    monkeypatch.setattr(doctor_module, "find_spec", lambda name: None)
    told = doctor()["compressed DICOM"]
    _, _, with_the_extra = told.partition("with the extra 'dicom' also ")
    refused = set(codecs._KINDS.values()) - {"JPEG 2000"}
    assert all(kind.replace("12 bits", "12 bit") in with_the_extra for kind in refused)
