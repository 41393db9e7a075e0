"""What the audit says of confounders, ages, misfits, shared films and the test's size."""

import pytest

from carina.auditing.findings_on_films import on_against, on_ages, on_confounders, on_misfits
from carina.auditing.power import power_of_test
from carina.domain.audit import Ages, Confounder, Misfit, SharedFilm
from making.datasets import dataset_of, record_of


def confounder(signal, value, **facts):
    kept = {"tells": True, "sentence": f"From the {signal} alone {value:.2f}."}
    return Confounder(
        signal=signal, balanced_accuracy=value, low=value - 0.05, high=value + 0.05,
        chance=0.5, n=100, **{**kept, **facts},
    )  # fmt: skip


def test_a_signal_that_goes_half_the_way_to_certainty_is_critical():
    (strong,) = on_confounders([confounder("frame", 0.76)])
    (weak,) = on_confounders([confounder("frame", 0.74)])
    assert (strong.severity, weak.severity) == ("critical", "warning")
    assert strong.sentence == "From the frame alone 0.76."


def test_what_contains_the_lungs_is_never_critical_and_comes_after_what_does_not():
    (finding,) = on_confounders([confounder("thumbnail", 0.99), confounder("corners", 0.7)])
    assert finding.severity == "warning"
    assert finding.sentence == "From the corners alone 0.70 (also told from thumbnail 0.99)."
    (alone,) = on_confounders([confounder("histogram", 0.99)])
    assert alone.severity == "warning"


def test_signals_in_the_pixels_and_outside_them_are_told_apart():
    found = [confounder("file-format", 0.9, in_pixels=False), confounder("frame", 0.8)]
    assert [one.sentence for one in on_confounders(found)] == [
        "From the frame alone 0.80.",
        "From the file-format alone 0.90.",
    ]


def test_signals_that_luck_explains_are_no_finding():
    assert on_confounders([confounder("frame", 0.6, tells=False)]) == []


@pytest.mark.parametrize(
    ("basis", "sureness", "severity"),
    [("stated", "certain", "critical"), ("estimated", "possible", "warning")],
)
def test_children_against_adults_is_said_with_what_it_rests_on(basis, sureness, severity):
    ages = Ages(
        basis=basis, sureness=sureness, children={"Covid": 0.01, "Normal": 0.97},
        n={"Covid": 90, "Normal": 80},
    )  # fmt: skip
    (finding,) = on_ages(ages)
    assert finding.severity == severity
    assert "Films of Normal are of children and films of Covid of adults" in finding.sentence
    assert ("stated" in finding.sentence) == (basis == "stated")


def test_classes_of_the_same_ages_are_no_finding():
    for children in ({"A": 0.0, "B": 0.1}, {"A": 0.9, "B": 1.0}, {"A": 0.5, "B": 0.1}):
        ages = Ages(basis="stated", sureness="certain", children=children, n={"A": 9, "B": 9})
        assert on_ages(ages) == []
    assert on_ages(None) == []


def test_many_sure_misfits_are_a_warning_and_few_a_note():
    def misfits(n, sureness="likely"):
        return [
            Misfit(path=f"{i}.png", code="rotated", sureness=sureness, sentence="it lies")
            for i in range(n)
        ]

    assert on_misfits(misfits(3), n_films=100)[0].severity == "warning"
    assert on_misfits(misfits(2), n_films=100)[0].severity == "note"
    assert on_misfits(misfits(9, "possible"), n_films=100)[0].severity == "note"
    assert "(rotated 3)" in on_misfits(misfits(3), n_films=100)[0].sentence
    assert on_misfits([], n_films=100) == []


def test_what_is_so_with_most_films_is_said_of_the_set_and_not_of_single_films():
    def coloured(n):
        return [
            Misfit(path=f"{i}.png", code="colour", sureness="likely", sentence="it is green")
            for i in range(n)
        ]

    odd = Misfit(path="odd.png", code="rotated", sureness="likely", sentence="it lies")
    first, second = on_misfits([*coloured(60), odd], n_films=100)
    assert first.sentence.startswith("60 of 100 films are called 'colour': that is how")
    assert "1 of 100 films may not belong (rotated 1)" in second.sentence
    (only,) = on_misfits(coloured(40), n_films=100)
    assert "(colour 40)" in only.sentence


def test_films_that_another_set_has_under_another_class_are_critical():
    shared = [
        SharedFilm(a="1.png", b="o/1.png", kind="identical-bytes", labels=("A", "A")),
        SharedFilm(a="2.png", b="o/2.png", kind="near-duplicate", labels=("A", "B")),
        SharedFilm(a="3.png", b="o/3.png", kind="same-patient", labels=("A", "")),
    ]
    found = on_against(shared)
    assert [one.severity for one in found] == ["critical", "critical", "warning"]
    assert found[0].sentence.startswith("2 films also in the other data set")
    assert "1 film under another class there (A and B)" in found[1].sentence
    assert "No film" in on_against([])[0].sentence
    assert on_against(None) == []


def test_what_a_test_part_could_show_counts_patients_where_they_are_known():
    films = [record_of(f"{i}.png", "A", part="test", patient=f"p{i // 2}") for i in range(132)]
    power = power_of_test(dataset_of(films))
    assert power.n == 66
    assert power.half_width == pytest.approx(0.073, abs=0.003)
    assert 0.09 < power.smallest_difference < 0.13
    films[0] = record_of("0.png", "A", part="test")
    assert power_of_test(dataset_of(films)).n == 132
    assert power_of_test(dataset_of([record_of("0.png", "A", part="train")])) is None
