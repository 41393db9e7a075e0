from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from carina.data.folds import split_into_folds
from carina.data.split import split_dataset
from carina.domain.recipe import SplitSection
from carina.domain.record import PARTS
from making.datasets import dataset_of, record_of, scan_of


@st.composite
def film_sets(draw):
    """Draw films of two classes, some with patients, some identical, and facts for them."""
    records, pictures = [], {}
    for label in ("A", "B"):
        for number in range(draw(st.integers(25, 60))):
            patient = draw(st.one_of(st.none(), st.integers(0, 40)))
            name = None if patient is None else f"{label}{patient}"
            record = record_of(f"{label}/{number}.png", label, patient=name)
            records.append(record)
            picture = draw(st.one_of(st.none(), st.integers(0, 60)))
            if picture is not None:
                pictures[record.key] = f"{label} {picture}"
    return records, pictures


def cut(records, pictures, seed):
    section = SplitSection(mode="cut", validation=0.2, test=0.2, seed=seed)
    return split_dataset(dataset_of(records), scan_of(records, pictures), section)


@settings(max_examples=25, deadline=None)
@given(films=film_sets(), seed=st.integers(0, 99), order=st.randoms(use_true_random=False))
def test_the_order_of_the_films_does_not_change_the_cut(films, seed, order):
    records, pictures = films
    shuffled = list(records)
    order.shuffle(shuffled)
    assert cut(records, pictures, seed).digest == cut(shuffled, pictures, seed).digest


@settings(max_examples=25, deadline=None)
@given(films=film_sets(), seed=st.integers(0, 99))
def test_no_patient_and_no_picture_is_in_two_parts(films, seed):
    records, pictures = films
    split = cut(records, pictures, seed)
    parts = defaultdict(set)
    for record in records:
        if record.patient is not None:
            parts["patient", record.patient].add(split.part_of(record))
        parts["picture", pictures.get(record.key, record.key)].add(split.part_of(record))
    assert {len(found) for found in parts.values()} == {1}
    assert set(split.parts) == {record.key for record in records}


@settings(max_examples=12, deadline=None)
@given(films=film_sets(), seed=st.integers(0, 99), n_folds=st.integers(2, 5))
def test_each_film_is_in_one_fold_and_no_patient_and_no_picture_in_two(films, seed, n_folds):
    records, pictures = films
    section = SplitSection(validation=0.2, seed=seed)
    splits = split_into_folds(
        dataset_of(records), scan_of(records, pictures), section, n_folds=n_folds
    )
    folds = [(key, number) for number, split in enumerate(splits) for key in split.keys("test")]
    assert len(folds) == len(records)
    fold_of = dict(folds)
    for split in splits:
        for part in PARTS:
            assert {record.label for record in records if split.parts[record.key] == part} == {
                "A",
                "B",
            }
    together = defaultdict(set)
    for record in records:
        if record.patient is not None:
            together["patient", record.patient].add(fold_of[record.key])
        together["picture", pictures.get(record.key, record.key)].add(fold_of[record.key])
    assert {len(found) for found in together.values()} == {1}


@settings(max_examples=25, deadline=None)
@given(films=film_sets(), seed=st.integers(0, 99))
def test_every_class_has_its_share_in_every_part(films, seed):
    records, pictures = films
    split = cut(records, pictures, seed)
    groups = _groups(records, pictures)
    for label in ("A", "B"):
        own = [record for record in records if record.label == label]
        counts = Counter(split.part_of(record) for record in own)
        # A group is one lump: a part can miss its share by half of the largest one that is
        # smaller than twice the share, and by all of them where only larger ones are left.
        largest = max(size for key, size in groups.items() if key[0] == label)
        for part in ("validation", "test"):
            assert counts[part] >= 1
            assert abs(counts[part] - 0.2 * len(own)) <= max(largest, 2)
        assert counts["train"] >= 1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99))
def test_another_seed_cuts_otherwise(seed):
    records = [record_of(f"{label}/{n}.png", label) for label in "AB" for n in range(40)]
    first, second = cut(records, {}, seed), cut(records, {}, seed + 1)
    assert first.digest != second.digest
    assert cut(records, {}, seed).digest == first.digest
    assert first.sizes() == second.sizes() == dict(zip(PARTS, (48, 16, 16), strict=True))


def _groups(records, pictures):
    """Return (class, representative) -> films joined by patient or picture, by hand."""
    sets = [{record.key} for record in records]
    facts = {
        r.key: {("p", r.patient)} - {("p", None)} | {("x", pictures.get(r.key, r.key))}
        for r in records
    }
    merged = True
    while merged:
        merged = False
        for i, first in enumerate(sets):
            mine = set().union(*(facts[key] for key in first))
            for j in range(len(sets) - 1, i, -1):
                if mine & set().union(*(facts[key] for key in sets[j])):
                    first.update(sets.pop(j))
                    mine = set().union(*(facts[key] for key in first))
                    merged = True
    label_of = {record.key: record.label for record in records}
    return {(label_of[min(own)], min(own)): len(own) for own in sets}
