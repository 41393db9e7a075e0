import numpy as np
import pytest

from carina.auditing import ages as ages_module
from carina.auditing.ages import judge_ages
from carina.auditing.film_reference import film_reference
from carina.data import open_dataset
from carina.data.scan import FilmScan, scan_films
from carina.domain.audit import Audit
from making.datasets import TEST_KEY, dataset_of, record_of, scan_of
from making.real_films import REAL_FILMS, needs_real_films
from making.sketched import sketched


def aged(ages_of):
    """Return records of classes, each film of a stated age, or of none."""
    records = [
        record_of(f"{label}/{n}", label, age_years=age)
        for label, ages in ages_of.items()
        for n, age in enumerate(ages)
    ]
    return dataset_of(records), scan_of(records)


def drawn(*, childlike, n_films, rng):
    """Return made films along the direction that tells children from adults."""
    reference = film_reference()
    slopes = reference.child_weights[1:]
    along = slopes / np.sqrt(slopes @ slopes)
    # The discriminant's middle lies where the offset is made up for; 6 to either side is clear.
    size = float(np.sqrt(slopes @ slopes))
    middle = -float(reference.child_weights[0]) / size
    films = []
    for _ in range(n_films):
        place = middle + (6 if childlike else -6) / size + rng.normal(0, 0.05)
        coordinates = along * place * np.sqrt(reference.variances)
        picture = (reference.mean + coordinates @ reference.directions).reshape(24, 24)
        low, high = picture.min(), picture.max()
        grey = np.kron((picture - low) / (high - low), np.ones((6, 6)))
        films.append(grey.clip(0, 1).astype(np.float32))
    return films


def by_class(**counts):
    """Return sketched films; a count is (children, adults)."""
    rng = np.random.default_rng(2)
    films = {}
    for label, (n_children, n_adults) in counts.items():
        own = drawn(childlike=True, n_films=n_children, rng=rng)
        own += drawn(childlike=False, n_films=n_adults, rng=rng)
        films |= {f"{label}/{n}.png": film for n, film in enumerate(own)}
    return films


def test_stated_ages_give_the_share_under_fifteen():
    found = judge_ages(*aged({"A": [3, 14.9, 15, 60], "B": [70, 71, 72, 73]}))
    assert (found.basis, found.sureness) == ("stated", "certain")
    assert found.children == {"A": 0.5, "B": 0.0}
    assert found.n == {"A": 4, "B": 4}


def test_ages_of_half_the_films_are_enough_but_not_certain():
    found = judge_ages(*aged({"A": [3, None], "B": [70, 71]}))
    assert (found.basis, found.sureness) == ("stated", "likely")
    assert found.n == {"A": 1, "B": 2}


def test_ages_of_fewer_films_than_half_are_not_enough():
    assert judge_ages(*aged({"A": [3, None, None], "B": [70, 71]})) is None


def test_films_without_a_class_or_that_cannot_be_read_do_not_count():
    dataset, scan = aged({"A": [3, 50], "B": [70]})
    extra = record_of("x", None, age_years=1)
    unreadable = record_of("y", "A", age_years=1)
    wider = dataset.with_records([*dataset.records, extra, unreadable])
    seen = FilmScan(facts={**scan.facts, extra.key: scan.facts["made/A/0"]})
    assert judge_ages(wider, seen).n == {"A": 2, "B": 1}


def test_nothing_is_said_without_films_or_classes():
    assert judge_ages(dataset_of([]), FilmScan(facts={})) is None
    assert judge_ages(*sketched({"a.png": np.zeros((50, 50), np.float32)})) is None


def test_children_against_adults_are_estimated_and_only_possible():
    found = judge_ages(*sketched(by_class(Normal=(24, 2), Covid=(1, 25))))
    assert (found.basis, found.sureness) == ("estimated", "possible")
    assert found.children["Normal"] > 0.85
    assert found.children["Covid"] < 0.15
    assert found.n == {"Normal": 26, "Covid": 26}
    assert Audit(images={}, ages=found).ages == found


def test_classes_that_hardly_differ_get_no_estimate():
    assert judge_ages(*sketched(by_class(A=(10, 16), B=(13, 13)))) is None
    assert judge_ages(*sketched(by_class(A=(26, 0), B=(26, 0)))) is None


def test_few_films_get_no_estimate():
    assert judge_ages(*sketched(by_class(A=(12, 0), B=(0, 12)))) is None


def test_a_difference_that_luck_can_make_is_none():
    assert not ages_module._differ({"A": 0.55, "B": 0.2}, {"A": 20, "B": 20})
    assert ages_module._differ({"A": 0.55, "B": 0.2}, {"A": 200, "B": 200})


def test_a_stated_age_counts_before_an_estimate():
    films = by_class(A=(30, 0), B=(0, 30))
    told = {f"A/{n}.png": {"age_years": 60.0} for n in range(10)}
    found = judge_ages(*sketched(films, records=told))
    assert found.basis == "estimated"
    assert found.children["A"] == pytest.approx(20 / 30)


def test_turned_films_are_not_estimated():
    films = by_class(A=(30, 0), B=(0, 30))
    turned = {path: np.rot90(film).copy() for path, film in list(films.items())[:8]}
    assert judge_ages(*sketched(films | turned)).n == {"A": 22, "B": 30}


def test_reading_in_runs_gives_what_one_run_gives(monkeypatch):
    made = sketched(by_class(A=(30, 0), B=(0, 30)))
    at_once = judge_ages(*made)
    monkeypatch.setattr(ages_module, "_FILMS_AT_ONCE", 7)
    assert judge_ages(*made) == at_once


@needs_real_films
def test_the_copied_covid_set_stands_children_against_adults(tmp_path):
    dataset = open_dataset([REAL_FILMS / "covid-dataset"], patient_key=TEST_KEY)
    found = judge_ages(dataset, scan_films(dataset, spec=None, cache_dir=tmp_path))
    assert (found.basis, found.sureness) == ("estimated", "possible")
    assert found.children["Normal"] > 0.9
    assert found.children["Covid"] < 0.1
