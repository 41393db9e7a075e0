from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from carina.data.split import split_dataset
from carina.domain.recipe import SplitSection
from carina.domain.record import PARTS
from making.datasets import dataset_of, record_of, scan_of


@st.composite
def described_sets(draw):
    """Draw films of three classes in described parts, some of them identical."""
    records, pictures = [], {}
    for part in PARTS:
        for label in ("A", "B", "C"):
            for number in range(draw(st.integers(1, 12))):
                record = record_of(f"{part}/{label}/{number}.png", label, part=part)
                records.append(record)
                if draw(st.booleans()):
                    pictures[record.key] = f"picture {draw(st.integers(0, 30))}"
    return records, pictures


@settings(max_examples=40, deadline=None)
@given(films=described_sets(), seed=st.integers(0, 99), order=st.randoms(use_true_random=False))
def test_balanced_parts_are_equal_whole_and_independent_of_order(films, seed, order):
    records, pictures = films
    section = SplitSection(balanced=True, seed=seed)
    whole = split_dataset(dataset_of(records), scan_of(records, pictures), SplitSection())
    own = split_dataset(dataset_of(records), scan_of(records, pictures), section)
    for part in PARTS:
        before = Counter(r.label for r in records if whole.parts[r.key] == part)
        after = Counter(r.label for r in records if own.parts.get(r.key) == part)
        assert set(after.values()) == {min(before.values())}
        assert set(after) == set(before)
    assert {**own.parts, **own.left_out} == dict(whole.parts)
    assert not set(own.parts) & set(own.left_out)
    shuffled = list(records)
    order.shuffle(shuffled)
    assert (
        split_dataset(dataset_of(shuffled), scan_of(shuffled, pictures), section).digest
        == own.digest
    )
