import pytest

from carina.auditing.audit import audit_dataset
from carina.data import open_dataset
from carina.data.scan import FilmScan, scan_films
from carina.domain.audit import Audit, Unreadable
from making.datasets import (
    TEST_KEY,
    dataset_of,
    record_of,
    scan_of,
    write_class_folders,
    write_film,
)
from making.real_films import REAL_FILMS, needs_real_films


def audit(records, pictures=None):
    return audit_dataset(dataset_of(records), scan_of(records, pictures))


def clean(n_films=40):
    return [
        record_of(f"{part}/{label}/{n}.png", label, part=part, patient=f"{part}{label}{n}")
        for part in ("train", "validation", "test")
        for label in "AB"
        for n in range(n_films)
    ]


def test_a_clean_set_has_no_findings():
    result = audit(clean())
    assert [finding.about for finding in result.findings] == ["power"]
    assert result.leaks == result.exact_duplicates == result.label_conflicts == ()
    assert result.images["train"] == {"A": 40, "B": 40}
    assert len(result.not_checked) == 3


def test_the_same_film_in_train_and_test_is_a_critical_leak():
    result = audit(clean(), {"made/train/A/1.png": "x", "made/test/A/7.png": "x"})
    (leak,) = result.leaks
    assert (leak.a, leak.b, leak.kind) == ("train/A/1.png", "test/A/7.png", "identical-bytes")
    assert leak.parts == ("train", "test")
    assert result.exact_duplicates == (("test/A/7.png", "train/A/1.png"),)
    assert result.findings[0].severity == "critical"
    assert "1 of 80 films of test (1 %) are also in train" in result.findings[0].sentence


def test_equal_pixels_in_other_bytes_are_a_leak_of_their_own_kind(tmp_path):
    root = write_class_folders(tmp_path / "d", {"train/A": 3, "train/B": 3, "test/B": 1})
    write_film(root / "test" / "A" / "same.bmp", 0)
    dataset = open_dataset([root], patient_key=TEST_KEY)
    result = audit_dataset(dataset, scan_films(dataset, spec=None, cache_dir=tmp_path / "cache"))
    assert [(leak.a, leak.b, leak.kind) for leak in result.leaks] == [
        ("train/A/film000.png", "test/A/same.bmp", "identical-pixels")
    ]


def test_a_patient_in_train_and_test_is_a_leak_and_names_another_film():
    records = clean()
    records += [
        record_of("train/A/p.png", "A", part="train", patient="p"),
        record_of("test/A/p.png", "A", part="test", patient="p"),
    ]
    (leak,) = audit(records).leaks
    assert (leak.a, leak.b, leak.kind) == ("train/A/p.png", "test/A/p.png", "same-patient")


def test_an_identical_film_is_not_listed_as_the_same_patient_too():
    records = clean()
    records += [
        record_of("train/A/p.png", "A", part="train", patient="p"),
        record_of("test/A/p.png", "A", part="test", patient="p"),
    ]
    result = audit(records, {"made/train/A/p.png": "x", "made/test/A/p.png": "x"})
    assert [leak.kind for leak in result.leaks] == ["identical-bytes"]


def test_leaks_grow_with_films_and_not_with_pairs():
    records = [
        record_of(f"{part}/{n}.png", "A", part=part, patient="p")
        for part in ("train", "test")
        for n in range(50)
    ]
    assert len(audit(records).leaks) == 50


def test_a_leak_into_validation_is_a_warning():
    result = audit(clean(), {"made/train/A/1.png": "x", "made/validation/A/7.png": "x"})
    assert [finding.severity for finding in result.findings] == ["warning", "warning", "note"]
    assert "of validation" in result.findings[0].sentence


def test_one_picture_under_two_classes_is_a_critical_conflict():
    result = audit(clean(), {"made/train/A/1.png": "x", "made/train/B/7.png": "x"})
    (conflict,) = result.label_conflicts
    assert conflict.paths == ("train/A/1.png", "train/B/7.png")
    assert conflict.labels == ("A", "B")
    assert result.findings[0].severity == "critical"
    assert "under several classes" in result.findings[0].sentence


def test_findings_come_worst_first():
    pictures = {"made/train/A/1.png": "x", "made/test/B/7.png": "x"}
    severities = [one.severity for one in audit(clean(10), pictures).findings]
    assert severities == sorted(severities, key=["critical", "warning", "note"].index)
    assert severities.count("critical") == 2


def test_unreadable_files_are_listed_and_counted():
    records = clean()
    broken = record_of("test/A/x.png", "A", part="test", patient="x")
    bad = Unreadable(path="test/A/x.png", code="damaged", message="it is damaged")
    scan = FilmScan(facts=scan_of(records).facts, unreadable=(bad,))
    result = audit_dataset(dataset_of([*records, broken]), scan)
    assert result.unreadable == (bad,)
    assert result.images["test"] == {"A": 40, "B": 40}
    assert [one.sentence for one in result.findings if one.about != "power"] == [
        "1 of 241 files cannot be read as films (damaged 1) and were skipped."
    ]


def test_a_class_that_its_source_gives_away_is_a_warning():
    from dataclasses import replace

    records = [replace(r, source="one" if r.label == "A" else "two") for r in clean()]
    sentences = [one.sentence for one in audit(records).findings if one.severity == "warning"]
    assert len(sentences) == 2
    assert "Every film of 'A' comes from one" in sentences[0]


def test_missing_parts_few_films_and_imbalance_are_said():
    records = [record_of(f"A/{n}.png", "A", part="train") for n in range(100)]
    records += [record_of(f"B/{n}.png", "B", part="train") for n in range(4)]
    sentences = " ".join(one.sentence for one in audit(records).findings)
    assert "No validation part is described" in sentences
    assert "No test part is described" in sentences
    assert "Few films of the train part (B 4)" in sentences
    assert "right for 96 %" in sentences
    assert "The patient of all films is unknown" in sentences


def test_one_class_and_one_film_are_no_error_here():
    assert audit([record_of("A/1.png", "A")]).images == {"all": {"A": 1}}


def test_what_the_data_set_left_out_is_said(tmp_path):
    root = write_class_folders(tmp_path / "d", {"train/A": 2, "train/B": 2, "Prediction": 3})
    dataset = open_dataset([root], patient_key=TEST_KEY)
    result = audit_dataset(dataset, scan_films(dataset, spec=None, cache_dir=tmp_path / "cache"))
    assert any("Prediction/, 3 films (no labels" in one.sentence for one in result.findings)


def test_an_audit_survives_its_file():
    result = audit(clean(), {"made/train/A/1.png": "x", "made/test/A/7.png": "x"})
    assert Audit.model_validate_json(result.model_dump_json()) == result


@needs_real_films
@pytest.mark.parametrize(
    ("name", "parts"),
    [("covid-dataset", ("train", "validation")), ("covid19-image-dataset", ("train", "test"))],
)
def test_the_public_sets_leak(name, parts, tmp_path):
    dataset = open_dataset([REAL_FILMS / name], patient_key=TEST_KEY)
    result = audit_dataset(dataset, scan_films(dataset, spec=None, cache_dir=tmp_path / "cache"))
    assert parts in {leak.parts for leak in result.leaks if leak.kind != "same-patient"}
