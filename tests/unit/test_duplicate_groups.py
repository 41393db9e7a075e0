"""Films that show nearly the same picture: in groups, splits, leaks and conflicts."""

import pytest

from carina.auditing.audit import audit_dataset
from carina.data.grouping import duplicate_groups, group_by_patient_and_pixels
from carina.data.split import split_dataset
from carina.domain.recipe import SplitSection
from making.datasets import dataset_of, record_of, scan_of

NEAR = [("made/A/0.png", "made/A/1.png"), ("made/A/1.png", "made/A/2.png")]


def films(n=30, **facts):
    return [record_of(f"{label}/{i}.png", label, **facts) for label in "AB" for i in range(n)]


def described(part_of):
    return [
        record_of(f"{part}/{label}/{i}.png", label, part=part, patient=f"{part}{label}{i}")
        for part, n in part_of.items()
        for label in "AB"
        for i in range(n)
    ]


def test_near_duplicates_join_transitively_and_with_identical_films():
    records = films(5)
    scan = scan_of(records, {"made/A/2.png": "x", "made/B/4.png": "x"})
    (group,) = duplicate_groups(records, scan, NEAR)
    assert [record.path for record in group] == ["A/0.png", "A/1.png", "A/2.png", "B/4.png"]
    turned = [(b, a) for a, b in reversed(NEAR)]
    assert duplicate_groups(records[::-1], scan, turned) == [group]


def test_near_duplicates_join_their_patients():
    records = [record_of("A/0.png", "A", patient="p"), record_of("A/1.png", "A", patient="q")]
    records += [record_of("A/2.png", "A", patient="q"), record_of("A/3.png", "A", patient="r")]
    groups = group_by_patient_and_pixels(records, scan_of(records), NEAR[:1])
    assert [len(group) for group in groups] == [3, 1]


def test_a_pair_of_which_one_is_not_there_joins_nothing():
    records = films(3)
    assert duplicate_groups(records, scan_of(records), [("made/A/0.png", "made/A/99.png")]) == []


@pytest.mark.parametrize("seed", range(8))
def test_a_cut_split_never_parts_near_duplicates(seed):
    records = films(20)
    near = [(f"made/{c}/{i}.png", f"made/{c}/{i + 10}.png") for c in "AB" for i in range(10)]
    split = split_dataset(
        dataset_of(records), scan_of(records), SplitSection(seed=seed, test=0.3), near
    )
    assert all(split.parts[a] == split.parts[b] for a, b in near)
    assert len(set(split.duplicate_groups.values())) == 20
    assert set(split.parts.values()) == {"train", "validation", "test"}


def test_a_near_duplicate_in_the_test_part_is_a_leak_of_its_own_kind():
    records = described({"train": 40, "validation": 40, "test": 40})
    near = [("made/test/A/7.png", "made/train/A/1.png")]
    found = audit_dataset(dataset_of(records), scan_of(records), near)
    (leak,) = found.leaks
    assert (leak.a, leak.b, leak.kind) == ("train/A/1.png", "test/A/7.png", "near-duplicate")
    assert found.near_duplicates == (("test/A/7.png", "train/A/1.png"),)
    assert found.exact_duplicates == ()
    assert found.findings[0].severity == "critical"


def test_identical_is_said_before_nearly_identical():
    records = described({"train": 40, "validation": 40, "test": 40})
    same = {"made/train/A/2.png": "x", "made/test/A/7.png": "x"}
    near = [("made/test/A/7.png", "made/train/A/1.png")]
    (leak,) = audit_dataset(dataset_of(records), scan_of(records, same), near).leaks
    assert (leak.a, leak.kind) == ("train/A/2.png", "identical-bytes")


def test_a_near_duplicate_of_the_same_patient_is_told_once():
    records = [
        record_of("train/A/1.png", "A", part="train", patient="p"),
        record_of("test/A/1.png", "A", part="test", patient="p"),
    ]
    near = [("made/test/A/1.png", "made/train/A/1.png")]
    (leak,) = audit_dataset(dataset_of(records), scan_of(records), near).leaks
    assert leak.kind == "near-duplicate"


def test_nearly_one_film_under_two_classes_is_a_conflict():
    records = described({"train": 40})
    near = [("made/train/A/3.png", "made/train/B/4.png")]
    (conflict,) = audit_dataset(dataset_of(records), scan_of(records), near).label_conflicts
    assert conflict.labels == ("A", "B")
    assert conflict.paths == ("train/A/3.png", "train/B/4.png")


def test_known_patients_are_counted_by_part_and_class():
    records = [
        record_of("train/A/1.png", "A", part="train", patient="p"),
        record_of("train/A/2.png", "A", part="train", patient="p"),
        record_of("train/B/1.png", "B", part="train", patient="q"),
        record_of("test/B/1.png", "B", part="test", patient=None),
    ]
    assert audit_dataset(dataset_of(records), scan_of(records)).patients == {
        "train": {"A": 1, "B": 1}
    }


def test_files_that_cannot_be_read_are_never_called_clean():
    from carina.data.scan import FilmScan
    from carina.domain.audit import Unreadable

    records = described({"train": 4})
    bad = Unreadable(path="train/A/x.png", code="damaged", message="it is damaged")
    scan = FilmScan(facts=scan_of(records).facts, unreadable=(bad,))
    assert "1 file that cannot be read" in audit_dataset(dataset_of(records), scan).not_checked
