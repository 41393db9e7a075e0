from dataclasses import replace

import numpy as np
import pytest

from carina.auditing.confounder_wording import confounder_sentence
from carina.auditing.confounders import answers_of_signals, find_confounders, why_not
from carina.auditing.signals import SIGNALS
from carina.data.scan import FilmScan
from carina.domain.audit import Confounder
from making.datasets import dataset_of, record_of, scan_of
from making.planted import CLEAN, SIGNAL_OF, deal, phantom_pool


def made(n_films, *, labels=("A", "B")):
    """Return records of classes that take turns, and their facts, all alike."""
    records = [record_of(f"{n:04d}.png", labels[n % len(labels)]) for n in range(n_films)]
    return records, scan_of(records)


def changed(scan, records, change):
    """Return facts with what `change` gives for a record's place."""
    facts = {r.key: replace(scan.facts[r.key], **change(n)) for n, r in enumerate(records)}
    return FilmScan(facts=facts)


def found_in(records, scan, groups=None):
    found = find_confounders(dataset_of(records), scan, groups=groups or {})
    return {one.signal: one for one in found}


@pytest.fixture(scope="module")
def pool():
    return phantom_pool(60)


def test_a_format_for_each_class_tells_everything_and_the_sentence_says_so():
    records, scan = made(60)
    scan = changed(scan, records, lambda n: {"file_format": "JPEG" if n % 2 else "PNG"})
    one = found_in(records, scan)["file-format"]
    assert one.tells
    assert one.balanced_accuracy == 1
    assert 0.8 < one.low < one.high == 1
    assert (one.chance, one.n, one.in_pixels) == (0.5, 60, False)
    assert one.sentence.startswith(
        "From the file format alone, without a look at the lungs, 100 of 100 films can be put into "
        "the right class (balanced accuracy 1.00, "
    )
    assert "guessing reaches 0.50" in one.sentence
    assert "a network does not see it" in one.sentence


@pytest.mark.slow
def test_a_signal_in_the_pixels_is_said_to_be_learnable(pool):
    trial = deal(pool, "border", strength=1, rng=np.random.default_rng(1))
    found = trial.confounders()
    assert found["frame"].tells
    assert found["frame"].in_pixels
    assert "a network may learn that instead of the disease" in found["frame"].sentence
    assert "without any detail of the lungs" in found["thumbnail"].sentence


def test_every_signal_is_returned_the_best_first_and_those_that_say_nothing_too(pool):
    trial = deal(pool, "colour mode", strength=1, rng=np.random.default_rng(2))
    found = find_confounders(dataset_of(trial.records), trial.scan, groups=trial.groups)
    values = [one.balanced_accuracy for one in found]
    assert values == sorted(values, reverse=True)
    assert found[0].signal == "colour-mode"
    assert {one.signal for one in found} == set(SIGNALS.names()) - {"demographics"}
    depth = next(one for one in found if one.signal == "bit-depth")
    assert (depth.balanced_accuracy, depth.low, depth.high, depth.tells) == (0.5, 0.5, 0.5, False)
    assert depth.sentence.startswith("All films are alike in ")


def test_nothing_tells_where_nothing_was_planted(pool):
    # One deal in forty gives an alarm by design; this one does not.
    trial = deal(pool, CLEAN, strength=0, rng=np.random.default_rng(8))
    found = trial.confounders()
    assert not any(one.tells for one in found.values())
    assert all(one.low <= one.balanced_accuracy <= one.high for one in found.values())
    assert "nothing or hardly anything can be told" in found["frame"].sentence


def test_where_films_are_few_a_signal_is_not_said_to_say_nothing():
    records, scan = made(24)
    scan = changed(scan, records, lambda n: {"bits": 8 + ((n // 2 % 3 == 0) == n % 2)})
    one = found_in(records, scan)["bit-depth"]
    assert not one.tells
    assert one.balanced_accuracy == pytest.approx(2 / 3)
    assert "too few films to be sure" in one.sentence


@pytest.mark.parametrize(("shortcut", "signal"), SIGNAL_OF.items())
def test_a_planted_shortcut_is_found_by_its_signal(shortcut, signal, pool):
    trial = deal(pool, shortcut, strength=1, rng=np.random.default_rng(4))
    assert trial.confounders()[signal].tells


def test_the_films_of_one_patient_do_not_vouch_for_each_other():
    records, scan = made(120)
    groups = {record.key: f"patient {n // 6}" for n, record in enumerate(records)}
    records = [replace(r, label="AB"[n // 6 % 2]) for n, r in enumerate(records)]
    scan = changed(scan, records, lambda n: {"height": 100 + (n // 6 * 7) % 20, "width": 128})
    assert found_in(records, scan)["image-size"].balanced_accuracy > 0.9
    grouped = found_in(records, scan, groups)["image-size"]
    assert not grouped.tells
    assert grouped.balanced_accuracy < 0.7


def test_many_films_of_few_patients_give_a_wide_interval():
    records, scan = made(200)
    scan = changed(scan, records, lambda n: {"bits": 8 if n % 2 or n % 20 == 0 else 12})
    single = found_in(records, scan)["bit-depth"]
    groups = {record.key: f"{n % 2} {n // 10}" for n, record in enumerate(records)}
    grouped = found_in(records, scan, groups)["bit-depth"]
    assert single.balanced_accuracy == grouped.balanced_accuracy == pytest.approx(0.95)
    # Wilson 0.9 of 100 and 1.0 of 100, joined: (0.95 - 0.043, 0.95 + 0.022).
    assert (single.low, single.high) == (
        pytest.approx(0.907, abs=2e-3),
        pytest.approx(0.972, abs=2e-3),
    )
    assert grouped.high - grouped.low > 1.8 * (single.high - single.low)


@pytest.mark.parametrize(
    ("value", "low", "high", "is_beyond_luck", "words"),
    [
        (0.53, 0.51, 0.55, True, "a little can be told about the class"),
        (0.64, 0.55, 0.73, False, "among so many signals one may reach that by luck"),
        (0.55, 0.4, 0.7, False, "too few films to be sure"),
        (0.5, 0.45, 0.55, False, "nothing or hardly anything"),
        (0.45, 0.4, 0.5, True, "nothing or hardly anything"),
    ],
)
def test_a_signal_that_does_not_tell_is_worded_by_how_sure_that_is(
    value, low, high, is_beyond_luck, words
):
    found = Confounder(signal="frame", balanced_accuracy=value, low=low, high=high, chance=0.5)
    signal = SIGNALS.get("frame")
    sentence = confounder_sentence(
        found, signal=signal, title=signal.title, varies=True, is_beyond_luck=is_beyond_luck
    )
    assert words in sentence
    assert (
        f"balanced accuracy {value:.2f}, {low:.2f} to {high:.2f}; guessing reaches 0.50" in sentence
    )


def test_neither_the_order_of_records_nor_a_second_run_changes_anything(pool):
    trial = deal(pool, "brightness", strength=0.5, rng=np.random.default_rng(6))
    records = list(trial.records)
    backwards = dataset_of(records[::-1])
    once = find_confounders(dataset_of(records), trial.scan, groups=trial.groups)
    assert find_confounders(backwards, trial.scan, groups=trial.groups) == once


def test_films_without_a_label_or_that_could_not_be_read_take_no_part():
    records, scan = made(60)
    scan = changed(scan, records, lambda n: {"bits": 8 + n % 2})
    unlabelled = [record_of(f"new{n}.png", None) for n in range(9)]
    unread = [record_of(f"gone{n}.png", "A") for n in range(9)]
    facts = {**scan.facts, **scan_of(unlabelled).facts}
    found = found_in([*records, *unlabelled, *unread], FilmScan(facts=facts))
    assert found["bit-depth"].n == 60


def test_a_class_of_few_films_is_left_out_and_named():
    records, scan = made(60)
    records[:4] = [replace(record, label="rare") for record in records[:4]]
    found = found_in(records, scan)
    assert all(one.chance == 0.5 and one.n == 56 for one in found.values())
    assert "'rare' (4 of them)" in why_not(dataset_of(records), scan)


def test_where_too_few_films_are_labelled_it_is_said_why_nothing_is():
    for labels, n_films, why in (
        (("A",), 40, "all labelled films are of the class 'A'"),
        (("A", "B"), 8, "no two classes have 5 different"),
    ):
        records, scan = made(n_films, labels=labels)
        assert find_confounders(dataset_of(records), scan, groups={}) == ()
        assert why_not(dataset_of(records), scan).startswith(why)
    records, scan = made(40)
    assert why_not(dataset_of(records), scan) is None
    assert find_confounders(dataset_of([]), FilmScan(facts={}), groups={}) == ()


def test_copies_of_one_film_are_one_film_when_films_are_counted():
    records, scan = made(40)
    groups = {record.key: f"{n % 2}" for n, record in enumerate(records)}
    assert find_confounders(dataset_of(records), scan, groups=groups) == ()
    assert why_not(dataset_of(records), scan, groups=groups) is not None


def test_without_sketches_the_files_are_still_judged():
    records, scan = made(60)
    found = found_in(records, changed(scan, records, lambda n: {"bits": 8 + n % 2}))
    assert found["bit-depth"].tells
    assert not {"frame", "corners", "histogram", "thumbnail", "thumbnail-masked"} & set(found)


def test_stated_ages_of_one_class_tell():
    records, scan = made(80)
    records = [replace(r, age_years=5.0 if n % 2 else 60.0, sex="F") for n, r in enumerate(records)]
    assert found_in(records, scan)["demographics"].tells


def test_a_difference_too_small_to_matter_does_not_tell_however_many_films_show_it():
    records, scan = made(3000)
    scan = changed(scan, records, lambda n: {"bits": 12 if n % 2 and n % 28 == 1 else 8})
    one = found_in(records, scan)["bit-depth"]
    assert one.low > 0.5
    assert not one.tells
    assert "too little to matter" in one.sentence


def test_of_very_many_films_a_part_is_drawn_by_groups():
    records, scan = made(5600)
    groups = {record.key: f"{n % 2} {n // 8}" for n, record in enumerate(records)}
    found = found_in(records, changed(scan, records, lambda n: {"bits": 8 + n % 2}), groups)
    assert 5000 <= found["bit-depth"].n <= 5006
    assert found["bit-depth"].balanced_accuracy == 1


def test_progress_is_told_after_every_signal():
    records, scan = made(30)
    steps = []
    find_confounders(dataset_of(records), scan, groups={}, progress=steps.append)
    assert [step.done for step in steps] == list(range(1, len(SIGNALS.names()) + 1))
    assert steps[-1].done == steps[-1].total


@pytest.mark.parametrize("unlike", [1, 3, 6])
def test_a_few_odd_files_in_one_class_are_no_alarm(unlike):
    records, scan = made(60)
    odd = set(range(0, 2 * unlike, 2))
    scan = changed(scan, records, lambda n: {"file_format": "DICOM" if n in odd else "PNG"})
    found = found_in(records, scan)
    assert found["file-format"].tells == (unlike == 6 and found["file-format"].tells)
    assert not found["file-format"].tells or found["file-format"].balanced_accuracy >= 0.55


def test_each_film_is_told_by_a_signal_as_its_balanced_accuracy_counts_it(pool):
    trial = deal(pool, "border", strength=0.8, rng=np.random.default_rng(1))
    found = trial.confounders()
    dataset = dataset_of(list(trial.records))
    told = answers_of_signals(dataset, trial.scan, list(found), groups=trial.groups)
    assert "bit-depth" not in told  # all films are alike in it
    for signal, own in told.items():
        recalls = [
            np.mean([own.answers[r.key] == label for r in trial.records if r.label == label])
            for label in dataset.labels.names
        ]
        assert np.mean(recalls) == pytest.approx(found[signal].balanced_accuracy, abs=1e-6)
        assert f"From {own.title} alone" in found[signal].sentence
