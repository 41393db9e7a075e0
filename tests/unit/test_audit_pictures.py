"""Which films of an audit are worth a look: few, of every kind, each once."""

from carina.domain.audit import Audit, LabelConflict, Leak, Misfit, SharedFilm
from carina.reporting.audit_pictures import (
    conflicts_to_show,
    films_to_show,
    misfits_to_show,
    pairs_to_show,
    shared_to_show,
)
from making.audits import rich_audit
from making.datasets import dataset_of, record_of

TRAIN_TEST = ("train", "test")


def leak(number, kind, *, a=None, parts=TRAIN_TEST):
    return Leak(a=a or f"a{number}", b=f"b{number}", kind=kind, parts=parts)


def audit_of(*leaks, **found):
    return Audit(images={"train": {"A": 1}, "test": {"A": 1}}, leaks=leaks, **found)


def crowded_audit():
    kinds = ("near-duplicate", "identical-pixels", "identical-bytes", "same-patient")
    return audit_of(
        *(leak(f"{kind}{n}", kind) for kind in kinds for n in range(500)),
        label_conflicts=tuple(
            LabelConflict(paths=(f"c{n}", f"d{n}", f"e{n}"), labels=("A", "B")) for n in range(500)
        ),
        against=tuple(
            SharedFilm(a=f"f{n}", b=f"g/{n}", kind="identical-bytes", labels=("A", "A"))
            for n in range(500)
        ),
        misfits=tuple(
            Misfit(path=f"m{n}", code="outlier", sureness="possible", sentence="far")
            for n in range(500)
        ),
    )


def test_a_page_shows_at_most_72_films_each_once():
    names = films_to_show(crowded_audit())
    assert len(names) == len(set(names)) == 72


def test_an_audit_that_found_nothing_shows_nothing():
    assert films_to_show(Audit(images={})) == ()


def test_near_duplicates_come_first_but_every_kind_is_shown():
    kinds = [pair.kind for pair in pairs_to_show(crowded_audit())]
    assert kinds == ["near-duplicate"] * 9 + ["identical-pixels", "same-patient", "identical-bytes"]


def test_leaks_into_the_test_part_come_before_those_into_validation():
    audit = audit_of(
        leak(1, "near-duplicate", parts=("train", "validation")), leak(2, "near-duplicate")
    )
    assert [pair.b for pair in pairs_to_show(audit)] == ["b2", "b1"]


def test_one_film_that_leaks_into_many_is_one_example():
    many = [leak(n, "near-duplicate", a="a") for n in range(20)]
    audit = audit_of(*many, *(leak(n, "near-duplicate") for n in range(30, 41)))
    shown = [pair.a for pair in pairs_to_show(audit)]
    assert shown == ["a", *(f"a{n}" for n in range(30, 41))]


def test_a_group_of_copies_is_shown_by_two_different_versions():
    audit = audit_of(exact_duplicates=(("a", "b"), ("y", "z")), near_duplicates=(("a", "b", "c"),))
    assert [(pair.a, pair.b, pair.kind) for pair in pairs_to_show(audit)] == [
        ("a", "c", "near-duplicate"),
        ("y", "z", "identical-pixels"),
        ("a", "b", "identical-pixels"),
    ]


def test_a_group_that_a_leak_shows_is_not_shown_again():
    audit = audit_of(
        Leak(a="a", b="c", kind="near-duplicate", parts=TRAIN_TEST),
        near_duplicates=(("a", "b", "c"),),
    )
    assert [(pair.a, pair.b) for pair in pairs_to_show(audit)] == [("a", "c")]


def test_a_patient_in_two_parts_does_not_hide_the_copies_of_the_same_films():
    audit = audit_of(
        Leak(a="a", b="x", kind="same-patient", parts=TRAIN_TEST), exact_duplicates=(("a", "b"),)
    )
    assert {(pair.a, pair.b) for pair in pairs_to_show(audit)} == {("a", "x"), ("a", "b")}


def test_what_stands_under_two_classes_is_not_shown_as_a_mere_copy():
    audit = audit_of(
        leak(1, "near-duplicate"),
        label_conflicts=(LabelConflict(paths=("a1", "b1"), labels=("A", "B")),),
    )
    assert pairs_to_show(audit) == ()
    assert films_to_show(audit) == ("a1", "b1")


def test_a_conflict_is_shown_by_a_film_of_each_class():
    records = [record_of("a1", "A"), record_of("a2", "A"), record_of("b", "B"),
               record_of("z", "A")]  # fmt: skip
    conflict = LabelConflict(paths=("a1", "a2", "b", "z"), labels=("A", "B"))
    audit = audit_of(label_conflicts=(conflict,))
    assert films_to_show(audit, dataset_of(records)) == ("a1", "b")
    assert films_to_show(audit) == ("a1", "z")


def test_every_two_classes_in_conflict_are_shown():
    common = [LabelConflict(paths=(f"c{n}", f"d{n}"), labels=("A", "B")) for n in range(10)]
    rare = LabelConflict(paths=("x", "y"), labels=("A", "C"))
    assert rare in conflicts_to_show(audit_of(label_conflicts=(*common, rare)))


def test_shared_films_under_another_class_come_first():
    alike = SharedFilm(a="a", b="o/a", kind="near-duplicate", labels=("A", "A"))
    unknown = SharedFilm(a="b", b="o/b", kind="near-duplicate", labels=("A", ""))
    other = SharedFilm(a="c", b="o/c", kind="identical-bytes", labels=("A", "B"))
    assert shared_to_show(audit_of(against=(alike, unknown, other)))[0] == other
    assert shared_to_show(audit_of(against=(unknown, alike)))[0] == unknown


def test_the_surest_misfits_are_shown_and_every_reason():
    shown = misfits_to_show(rich_audit())
    assert len(shown) == 24
    assert {misfit.code for misfit in shown} == {
        "blank",
        "colour",
        "lateral",
        "inverted",
        "outlier",
    }
    order = ["certain", "likely", "possible"]
    places = [order.index(misfit.sureness) for misfit in shown]
    assert places == sorted(places)


def test_one_common_reason_does_not_push_the_others_off_the_page():
    many = [Misfit(path=f"m{n}", code="colour", sureness="likely", sentence="") for n in range(300)]
    few = [Misfit(path=f"x{n}", code="text", sureness="possible", sentence="") for n in range(9)]
    codes = [misfit.code for misfit in misfits_to_show(audit_of(misfits=(*many, *few)))]
    assert codes == ["colour"] * 20 + ["text"] * 4


def test_a_rare_reason_is_shown_although_surer_ones_fill_the_page():
    sure = [Misfit(path=f"m{n}", code="blank", sureness="certain", sentence="") for n in range(40)]
    rare = Misfit(path="x", code="collage", sureness="possible", sentence="")
    assert misfits_to_show(audit_of(misfits=(*sure, rare)))[-1] == rare
