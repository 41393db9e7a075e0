"""Splits for folds: every film is tested once, by a training that knows nothing of it."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

from carina.data.folds import split_by_source, split_into_folds
from carina.domain.recipe import EvaluateSection, Recipe, SplitSection
from carina.errors import DatasetError, RecipeError, UsageError
from carina.evaluation.evaluate import all_metrics, scored_films
from carina.files.recipes import with_settings
from carina.workflows.fold_figures import comparable_means
from carina.workflows.folds import folds_asked
from carina.workflows.members import mean_and_range
from making.datasets import dataset_of, record_of, scan_of
from making.predictions import predictions_of

QUICK = EvaluateSection(resamples=100)


def films(label, n, *, source="made", patient=None, **facts):
    """Return `n` records; `patient` names that of each number."""
    return [
        replace(
            record_of(f"{source}-{label}/{number}.png", label, **facts),
            source=source,
            patient=patient(number) if patient else None,
        )
        for number in range(n)
    ]


def folds_of(records, n_folds, *, pictures=None, near=(), **section):
    return split_into_folds(
        dataset_of(records),
        scan_of(records, pictures),
        SplitSection(**section),
        near,
        n_folds=n_folds,
    )


def by_source(records, *, pictures=None, near=(), **section):
    scan = scan_of(records, pictures)
    return split_by_source(dataset_of(records), scan, SplitSection(**section), near)


def counts(split, records, part):
    return Counter(record.label for record in records if split.parts.get(record.key) == part)


def test_every_film_is_tested_once_and_each_fold_has_its_share_of_every_class():
    records = films("A", 52) + films("B", 20)
    splits = folds_of(records, 5, validation=0.1)
    tested = [key for split in splits for key in split.keys("test")]
    assert sorted(tested) == sorted(record.key for record in records)
    assert [split.tested_on for split in splits] == [f"fold {n} of 5" for n in range(1, 6)]
    for split in splits:
        own = counts(split, records, "test")
        assert own["A"] in (10, 11)
        assert own["B"] == 4
        assert counts(split, records, "validation") == {"A": 4, "B": 2}


def test_films_of_one_patient_and_copies_are_never_parted():
    records = films("A", 30, patient=lambda n: f"p{n // 3}") + films("B", 30)
    near = [(records[30 + n].key, records[31 + n].key) for n in range(0, 30, 10)]
    pictures = {records[0].key: "one", records[45].key: "one"}
    for split in folds_of(records, 3, pictures=pictures, near=near, validation=0.2):
        for n in range(10):
            assert len({split.parts[record.key] for record in records[3 * n : 3 * n + 3]}) == 1
        for a, b in [*near, (records[0].key, records[45].key)]:
            assert split.parts[a] == split.parts[b]


def test_folds_depend_on_the_films_and_not_on_their_order_or_the_parts_described():
    records = films("A", 20) + films("B", 12)
    described = [replace(record, part="train") for record in records[::-1]]
    first, again = folds_of(records, 4, seed=2), folds_of(described, 4, seed=2)
    assert [split.parts for split in first] == [split.parts for split in again]
    assert folds_of(records, 4, seed=3)[0].parts != first[0].parts


def test_balanced_classes_leave_films_out_of_all_folds_and_say_how_many():
    records = films("A", 40) + films("B", 10)
    for split in folds_of(records, 2, balanced=True, validation=0.2):
        assert len(split.left_out) == 30
        assert counts(split, records, "test") == {"A": 5, "B": 5}
        assert any("30 films of 50 were left out of all folds" in one for one in split.cautions)


def test_a_class_with_fewer_patients_than_folds_is_refused_by_name():
    records = films("A", 40) + films("B", 9, patient=lambda n: f"p{n % 3}")
    with pytest.raises(DatasetError, match=r"class 'B' cannot be in every part.*fold 1, fold 2"):
        folds_of(records, 4)


def test_a_source_is_tested_whole_by_a_training_without_it():
    records = films("A", 20, source="north") + films("B", 10, source="north")
    records += films("A", 8, source="south") + films("B", 30, source="south")
    splits = by_source(records, validation=0.2)
    assert [split.tested_on for split in splits] == ["north", "south"]
    for split in splits:
        tested = {record.source for record in records if split.parts[record.key] == "test"}
        others = {record.source for record in records if split.parts[record.key] != "test"}
        assert tested == {split.tested_on}
        assert split.tested_on not in others
        assert split.by_source


def test_training_without_a_source_leaves_out_what_shares_a_patient_or_a_picture_with_it():
    records = films("A", 20, source="north") + films("B", 20, source="north")
    records += films("A", 20, source="south", patient=lambda n: f"p{n}") + films(
        "B", 20, source="south"
    )
    records[0] = replace(records[0], patient="p0")
    pictures = {records[1].key: "one", records[41].key: "one"}
    near = [(records[25].key, records[70].key)]
    north, south = by_source(records, pictures=pictures, near=near)
    assert set(north.left_out) == {records[40].key, records[41].key, records[70].key}
    assert set(south.left_out) == {records[0].key, records[1].key, records[25].key}
    assert all(key not in north.parts for key in north.left_out)
    assert north.parts[records[0].key] == "test"
    assert any("3 films of other sources share" in caution for caution in north.cautions)


def test_a_held_out_source_may_lack_a_class_but_not_be_the_only_one_that_has_it():
    records = films("A", 20, source="north") + films("B", 20, source="north")
    records += films("A", 20, source="south")
    with pytest.raises(DatasetError, match="without north no film of B is left to train on"):
        by_source(records)
    records += films("B", 20, source="east")
    assert [split.tested_on for split in by_source(records)] == ["east", "north", "south"]


def test_one_source_cannot_be_left_out():
    with pytest.raises(DatasetError, match="two or more, and all are of made"):
        by_source(films("A", 9) + films("B", 9))


def test_a_number_over_all_classes_has_no_mean_where_a_fold_lacks_a_class():
    one, both = (
        SimpleNamespace(
            per_class=all_metrics(films, QUICK)[1], metrics=all_metrics(films, QUICK)[0]
        )
        for films in (
            scored_films(("A", "B"), predictions_of(20, 4, classes=own, names=("A", "B")))
            for own in (("A",), ("A", "B"))
        )
    )
    means = comparable_means([one, both], mean_and_range([one, both], "folds"))
    kept = {name for name, mean in means.items() if mean.value is not None}
    assert kept == {"accuracy", "recall_weighted", "log_loss", "brier_score"}
    because = means["balanced_accuracy"].undefined_because
    assert because.startswith("1 of 2 folds have no film of B, so that it is not the same number")
    same = mean_and_range([both, both], "folds")
    assert comparable_means([both, both], same) == same


@pytest.mark.parametrize("asked", ["1", "0", "-3", "many", 1, "101"])
def test_folds_that_are_none_are_refused(asked):
    with pytest.raises(UsageError, match=r"from 2 to 100, or 'source'"):
        folds_asked(asked, Recipe(), seeds=1)


def test_folds_stand_alone():
    assert (folds_asked("5", Recipe(), seeds=1), folds_asked("source", Recipe(), seeds=1)) == (
        5,
        "source",
    )
    with pytest.raises(UsageError, match="--folds and --seeds 3"):
        folds_asked(5, Recipe(), seeds=3)
    with pytest.raises(RecipeError, match="take --split cut"):
        folds_asked(5, with_settings(Recipe(), ["split.mode=as-described"]), seeds=1)
    with pytest.raises(RecipeError, match=r"split\.mode is 'respect'"):
        folds_asked(5, Recipe(), seeds=1, split="respect")
    assert folds_asked(5, Recipe(), seeds=1, split="cut") == 5
