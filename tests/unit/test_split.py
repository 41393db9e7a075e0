import pytest

from carina.data.split import split_dataset
from carina.domain.recipe import SplitSection
from carina.errors import DatasetError
from making.datasets import dataset_of, record_of, scan_of


def split(records, pictures=None, **section):
    return split_dataset(dataset_of(records), scan_of(records, pictures), SplitSection(**section))


def films(counts, **facts):
    return [
        record_of(f"{prefix}{label}/{n}.png", label, **(facts | own))
        for prefix, label, n_films, own in counts
        for n in range(n_films)
    ]


def by_class(split, records):
    table = {}
    for record in records:
        row = table.setdefault(split.part_of(record), {})
        row[record.label] = row.get(record.label, 0) + 1
    return table


def test_a_set_without_parts_is_cut_by_the_shares_of_each_class():
    records = films([("", "A", 100, {}), ("", "B", 40, {})])
    assert by_class(split(records, validation=0.1, test=0.2), records) == {
        "train": {"A": 70, "B": 28},
        "validation": {"A": 10, "B": 4},
        "test": {"A": 20, "B": 8},
    }


def test_a_described_split_is_kept_whole():
    records = films([("", label, 5, {}) for label in "AB"], part="train") + films(
        [("v", label, 2, {}) for label in "AB"], part="validation"
    )
    records += films([("t", label, 3, {}) for label in "AB"], part="test")
    own = split(records)
    assert all(own.part_of(record) == record.part for record in records)
    assert own.seed is None
    assert own.described == ("train", "validation", "test")


def test_a_missing_validation_part_is_cut_from_train_and_test_stays():
    records = films([("", label, 40, {"part": "train"}) for label in "AB"])
    records += films([("t", label, 10, {"part": "test"}) for label in "AB"])
    own = split(records, validation=0.1, seed=3)
    assert by_class(own, records) == {
        "train": {"A": 36, "B": 36},
        "validation": {"A": 4, "B": 4},
        "test": {"A": 10, "B": 10},
    }
    assert all(own.part_of(r) == "test" for r in records if r.part == "test")
    assert own.seed == 3
    assert any("8 films were cut from train" in caution for caution in own.cautions)


def test_a_missing_test_part_is_cut_from_train_and_said():
    records = films([("", label, 40, {"part": "train"}) for label in "AB"])
    records += films([("v", label, 10, {"part": "validation"}) for label in "AB"])
    own = split(records, test=0.25)
    assert by_class(own, records)["test"] == {"A": 10, "B": 10}
    assert all(own.part_of(r) == "validation" for r in records if r.part == "validation")
    assert any("no test part is described" in caution for caution in own.cautions)


def test_a_part_of_ours_is_never_made_of_films_that_leak():
    records = films([("", label, 20, {"part": "train"}) for label in "AB"])
    records += films([("v", label, 10, {"part": "validation"}) for label in "AB"])
    # Half of train lies in validation as well.
    pictures = {f"made/{label}/{n}.png": f"{label}{n}" for label in "AB" for n in range(10)}
    pictures |= {f"made/v{label}/{n}.png": f"{label}{n}" for label in "AB" for n in range(10)}
    own = split(records, pictures, test=0.2)
    assert by_class(own, records)["test"] == {"A": 4, "B": 4}
    tested = [record for record in records if own.part_of(record) == "test"]
    assert all(record.key not in pictures for record in tested)
    assert any("20 films of the validation part share" in caution for caution in own.cautions)


def test_as_described_uses_the_test_folder_for_validation_with_a_caution():
    records = films([("", label, 10, {"part": "train"}) for label in "AB"])
    records += films([("t", label, 4, {"part": "test"}) for label in "AB"])
    own = split(records, mode="as-described")
    assert own.validation_is_test
    assert own.keys("validation") == own.keys("test")
    assert own.sizes() == {"train": 20, "validation": 8, "test": 8}
    assert any("serve for validation and for test" in caution for caution in own.cautions)
    assert own.seed is None


def test_as_described_tests_on_the_validation_folder_where_there_is_no_other():
    records = films([("", label, 10, {"part": "train"}) for label in "AB"])
    records += films([("v", label, 4, {"part": "validation"}) for label in "AB"])
    own = split(records, mode="as-described")
    assert own.keys("test") == own.keys("validation")
    assert len(own.keys("test")) == 8


def test_as_described_keeps_a_split_that_lacks_nothing():
    records = films(
        [
            (p, label, 4, {"part": part})
            for p, part in zip("tvs", ("train", "validation", "test"), strict=True)
            for label in "AB"
        ]
    )
    assert not split(records, mode="as-described").validation_is_test


def test_cut_forgets_what_was_described():
    records = films([("", label, 40, {"part": "train"}) for label in "AB"])
    own = split(records, mode="cut", validation=0.1, test=0.1)
    assert own.sizes() == {"train": 64, "validation": 8, "test": 8}
    assert own.described == ()


def test_films_without_a_part_join_a_described_split_without_new_leaks():
    described = films([("", label, 20, {"part": "train"}) for label in "AB"])
    described += films([("v", label, 5, {"part": "validation"}) for label in "AB"])
    described += films([("t", label, 5, {"part": "test"}) for label in "AB"])
    free = films([("free", label, 20, {}) for label in "AB"])
    pictures = {
        "made/freeA/0.png": "x",
        "made/tA/0.png": "x",
        "made/freeB/0.png": "y",
        "made/B/0.png": "y",
    }
    own = split([*described, *free], pictures, validation=0.2, test=0.2)
    assert all(own.part_of(record) == record.part for record in described)
    assert own.parts["made/freeA/0.png"] == "test"
    assert own.parts["made/freeB/0.png"] == "train"
    assert by_class(own, free)["validation"] == {"A": 4, "B": 4}


def test_a_described_set_with_leaks_keeps_them_and_counts_them():
    records = films([("", label, 5, {"part": "train"}) for label in "AB"])
    records += films([("v", label, 5, {"part": "validation"}) for label in "AB"])
    records += films([("t", label, 5, {"part": "test"}) for label in "AB"])
    own = split(records, {"made/A/0.png": "x", "made/vA/0.png": "x", "made/vA/1.png": "x"})
    assert own.parts["made/vA/0.png"] == "validation"
    assert any(
        "2 films of the validation part share a patient or a picture with films of the train" in one
        for one in own.cautions
    )


def test_identical_films_are_numbered_groups():
    records = films([("", label, 10, {}) for label in "AB"])
    own = split(
        records,
        {"made/A/0.png": "x", "made/A/1.png": "x", "made/B/1.png": "y", "made/B/2.png": "y"},
    )
    assert own.duplicate_groups == {
        "made/A/0.png": 1,
        "made/A/1.png": 1,
        "made/B/1.png": 2,
        "made/B/2.png": 2,
    }


def test_unlabelled_and_unreadable_films_are_in_no_part():
    records = films([("", label, 10, {}) for label in "AB"])
    odd = [record_of("x.png", None), record_of("broken.png", "A")]
    scan = scan_of([*records, odd[0]])
    own = split_dataset(dataset_of([*records, *odd]), scan, SplitSection())
    assert set(own.parts) == {record.key for record in records}


def test_small_classes_get_a_film_in_every_part():
    records = films([("", "A", 100, {}), ("", "B", 3, {})])
    table = by_class(split(records, validation=0.1, test=0.1), records)
    assert [table[part]["B"] for part in ("train", "validation", "test")] == [1, 1, 1]


def test_a_class_with_too_few_patients_is_an_error_that_says_so():
    records = films([("", "A", 20, {})])
    records += [record_of(f"B/{n}.png", "B", patient="one" if n < 8 else "two") for n in range(10)]
    with pytest.raises(DatasetError, match=r"class 'B' cannot be in every part: its films form 2 "):
        split(records)


def test_a_described_set_without_train_is_an_error():
    records = films([("", label, 5, {"part": "test"}) for label in "AB"])
    with pytest.raises(DatasetError, match=r"describes test but no train part.*split\.mode=cut"):
        split(records)


def test_nothing_to_split_is_an_error():
    with pytest.raises(DatasetError, match="no labelled film"):
        split([record_of("a.png", None)])


def test_a_patient_with_very_many_films_does_not_swamp_a_small_part():
    records = films([("", label, 60, {}) for label in "AB"])
    records += [record_of(f"A/p{n}.png", "A", patient="often here") for n in range(40)]
    for seed in range(5):
        own = split(records, validation=0.1, test=0.1, seed=seed)
        assert own.parts["made/A/p0.png"] == "train"
        assert by_class(own, records)["test"]["A"] in (9, 10, 11)


def test_as_described_puts_films_without_a_part_where_they_are_used():
    records = films([("", label, 10, {"part": "train"}) for label in "AB"])
    records += films([("t", label, 4, {"part": "test"}) for label in "AB"])
    records += films([("free", label, 20, {}) for label in "AB"])
    own = split(records, mode="as-described", test=0.2)
    assert set(own.parts.values()) == {"train", "test"}
    assert len(own.keys("train")) + len(own.keys("test")) == len(records)


def test_renamed_and_moved_films_fall_into_the_same_parts():
    records = films([("", label, 30, {}) for label in "AB"])
    moved = [record_of(f"elsewhere/{99 - n}/{r.path}", r.label) for n, r in enumerate(records)]
    pictures = {record.key: f"picture {n}" for n, record in enumerate(records)}
    pictures |= {record.key: f"picture {n}" for n, record in enumerate(moved)}
    first, second = split(records, pictures), split(moved, pictures)
    assert [first.part_of(r) for r in records] == [second.part_of(r) for r in moved]
