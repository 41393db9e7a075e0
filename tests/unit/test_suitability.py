import pytest

from carina.data.scan import FilmScan
from carina.data.split import split_dataset
from carina.data.suitability import require_trainable
from carina.domain.audit import Unreadable
from carina.domain.recipe import SplitSection
from carina.errors import DatasetError
from making.datasets import dataset_of, record_of, scan_of


def films(label, n_films, **facts):
    return [record_of(f"{label}/{n}.png", label, **facts) for n in range(n_films)]


def require(records, *, n_bad=0, labels=None, split=None):
    scan = scan_of(records[: len(records) - n_bad])
    bad = [Unreadable(path=r.path, code="damaged", message="") for r in records[len(scan.facts) :]]
    scan = FilmScan(facts=scan.facts, unreadable=tuple(bad))
    dataset = dataset_of(records, labels=labels)
    require_trainable(dataset, scan, max_unreadable=0.05, split=split)


def test_two_classes_of_readable_films_will_do():
    require([*films("A", 20), *films("B", 20)], n_bad=2)


def test_one_class_is_refused():
    with pytest.raises(DatasetError, match="two classes or more, and the only class is 'A'"):
        require(films("A", 20))


def test_no_labels_are_refused():
    with pytest.raises(DatasetError, match="no film is labelled"):
        require([record_of("a.png", None)])


@pytest.mark.parametrize(("n_films", "words"), [(1, "has 1 film that"), (0, "has no films that")])
def test_a_class_of_one_film_or_none_is_refused(n_films, words):
    with pytest.raises(DatasetError, match=f"class 'B' {words}.*labels.drop"):
        require([*films("A", 20), *films("B", n_films)], labels=("A", "B"))


def test_too_many_unreadable_films_are_refused_and_listed():
    with pytest.raises(
        DatasetError, match=r"3 of 40 films cannot be read.*5 %: B/17\.png \(damaged\)"
    ):
        require([*films("A", 20), *films("B", 20)], n_bad=3)


def test_nothing_readable_is_refused():
    with pytest.raises(DatasetError, match="2 of 2"):
        require([*films("A", 1), *films("B", 1)], n_bad=2)


def test_a_described_part_without_a_class_is_refused():
    records = [*films("A", 20, part="train"), *films("B", 20, part="train")]
    records.append(record_of("test/A.png", "A", part="test"))
    split = split_dataset(dataset_of(records), scan_of(records), SplitSection())
    with pytest.raises(DatasetError, match="the test part has no film of 'B'"):
        require(records, split=split)
