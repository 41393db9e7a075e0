from collections import Counter

from carina.data.balance import count_left_out
from carina.data.split import split_dataset
from carina.domain.input_spec import InputSpec
from carina.domain.progress import silent
from carina.domain.recipe import Recipe, SplitSection
from carina.workflows.films import open_films
from making.datasets import dataset_of, record_of, scan_of, write_class_folders


def films(label, n_films, **facts):
    part = facts.get("part") or ""
    return [record_of(f"{part}{label}/{n}.png", label, **facts) for n in range(n_films)]


def split(records, pictures=None, **section):
    chosen = SplitSection(**({"balanced": True} | section))
    return split_dataset(dataset_of(records), scan_of(records, pictures), chosen)


def table(own, records):
    return Counter((own.parts[r.key], r.label) for r in records if r.key in own.parts)


def described():
    return [
        *films("A", 30, part="train"),
        *films("B", 12, part="train"),
        *films("A", 5, part="validation"),
        *films("B", 9, part="validation"),
        *films("A", 4, part="test"),
        *films("B", 4, part="test"),
    ]


def test_every_part_keeps_as_many_films_of_each_class_as_of_its_rarest():
    records = described()
    assert table(split(records), records) == {
        ("train", "A"): 12,
        ("train", "B"): 12,
        ("validation", "A"): 5,
        ("validation", "B"): 5,
        ("test", "A"): 4,
        ("test", "B"): 4,
    }


def test_the_films_left_out_are_counted_by_part_and_class_and_said():
    records = described()
    own = split(records)
    assert set(own.left_out) | set(own.parts) == {record.key for record in records}
    assert not set(own.left_out) & set(own.parts)
    assert [out.sentence for out in count_left_out(dataset_of(records), own)] == [
        "left out: 'A' of the train part: 18 (split.balanced)",
        "left out: 'B' of the validation part: 4 (split.balanced)",
    ]
    (caution,) = own.cautions
    assert "22 films were left out (18 of train and 4 of validation)" in caution
    assert "the described train and validation parts are not whole" in caution


def test_parts_that_are_cut_are_balanced_after_the_cut():
    records = [*films("A", 100), *films("B", 40)]
    own = split(records, validation=0.1, test=0.2)
    assert table(own, records) == {
        (part, label): n
        for part, n in (("train", 28), ("validation", 4), ("test", 8))
        for label in "AB"
    }
    assert not any("described" in caution for caution in own.cautions)


def test_balanced_parts_stay_as_they_are_where_nothing_is_left_out():
    records = [*films("A", 20), *films("B", 20)]
    assert split(records).digest == split(records, balanced=False).digest
    assert split(records).cautions == ()


def test_without_balance_nothing_is_left_out():
    own = split(described(), balanced=False)
    assert own.left_out == {}
    assert len(own.parts) == len(described())


def test_the_seed_decides_which_films_stay_in_a_described_part():
    records = described()
    first, again, other = split(records), split(records), split(records, seed=1)
    assert first.digest == again.digest != other.digest
    assert first.seed == 0
    assert table(first, records) == table(other, records)


def test_renamed_films_are_drawn_by_their_content():
    records = described()
    moved = [record_of(f"x/{99 - n}.png", r.label, part=r.part) for n, r in enumerate(records)]
    first = split(records, {record.key: f"picture {n}" for n, record in enumerate(records)})
    second = split(moved, {record.key: f"picture {n}" for n, record in enumerate(moved)})
    assert [first.parts.get(r.key) for r in records] == [second.parts.get(r.key) for r in moved]


def test_a_part_that_serves_twice_is_balanced_once():
    records = [*films("A", 10, part="train"), *films("B", 6, part="train")]
    records += [*films("A", 2, part="test"), *films("B", 4, part="test")]
    own = split(records, mode="as-described")
    assert own.sizes() == {"train": 12, "validation": 4, "test": 4}
    assert "the same 4 films serve" in own.cautions[0]


def test_a_part_without_a_class_is_not_emptied():
    records = [*films("A", 10, part="train"), *films("B", 6, part="train")]
    records += [*films("A", 3, part="test"), *films("A", 3, part="validation")]
    own = split(records)
    assert own.sizes() == {"train": 12, "validation": 3, "test": 3}


def test_twins_of_films_left_out_are_no_leak_any_more():
    records = described()
    twins = {f"made/trainA/{n}.png": "twin" for n in range(30)} | {"made/validationA/0.png": "twin"}
    leaky = split(records, twins, balanced=False)
    assert any("1 film of the validation part share" in one for one in leaky.cautions)
    lonely = [r for r in records if not r.path.startswith("trainA/")] + films("A", 12, part="train")
    pictures = {"made/trainA/0.png": "twin", "made/validationA/0.png": "twin"}
    lonely += [record_of(f"more/{n}.png", "A", part="train") for n in range(200)]
    own = split(lonely, pictures)
    has_leak = {"made/trainA/0.png", "made/validationA/0.png"} <= set(own.parts)
    assert has_leak == any("of the validation part share" in one for one in own.cautions)
    assert bool(own.duplicate_groups) == has_leak


def test_the_audit_judges_what_is_used_and_names_what_is_not(tmp_path, settings):
    tree = {"train/A": 8, "train/B": 5, "val/A": 2, "val/B": 2, "test/A": 2, "test/B": 4}
    data = write_class_folders(tmp_path / "films", tree)
    recipe = Recipe(split=SplitSection(balanced=True), input=InputSpec(height=16, width=16))
    opened = open_films([data], recipe, settings, silent)
    assert opened.audit.images == {
        "train": {"A": 5, "B": 5},
        "validation": {"A": 2, "B": 2},
        "test": {"A": 2, "B": 2},
    }
    told = [finding.sentence for finding in opened.audit.findings]
    assert "Left out: 'A' of the train part, 3 films (split.balanced)." in told
    assert "left out: 'B' of the test part: 2 (split.balanced)" in [
        out.sentence for out in opened.dataset.left_out
    ]
