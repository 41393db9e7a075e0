"""Which films two classifiers both answered: matched by content, not by name."""

from dataclasses import replace

import pytest

from carina.domain.prediction import Prediction
from carina.evaluation.shared_films import AnsweredFilms, count_shared, same_classes, share_films

LABELS = ("COVID", "Normal")


def film(path, label, *, digest=None, labels=LABELS, source="a", patient=None, sure=0.9):
    shares = dict.fromkeys(labels, (1 - sure) / (len(labels) - 1)) | {label: sure}
    prediction = Prediction(
        path=path,
        source=source,
        label=label,
        predicted=max(shares, key=shares.get),
        probabilities=shares,
        logits={},
        patient=patient,
    )
    return prediction, digest or f"digest of {path}"


def answered(*films, labels=LABELS):
    predictions, digests = zip(*films, strict=True)
    return AnsweredFilms(tuple(labels), predictions, digests)


def test_films_match_by_their_bytes_wherever_they_lie():
    first = answered(film("a.png", "COVID", digest="1"), film("b.png", "Normal", digest="2"))
    second = answered(
        film("moved/b.png", "Normal", digest="2", source="z"), film("c.png", "COVID", digest="3")
    )
    shared = share_films(first, second)
    assert shared.n_shared == 1
    assert shared.first.y_true.tolist() == shared.second.y_true.tolist() == [1]
    assert count_shared(first, second) == 1


def test_the_same_films_in_another_order_are_aligned():
    films = [film(f"{i}.png", LABELS[i % 2], sure=0.5 + 0.05 * i) for i in range(8)]
    shared = share_films(answered(*films), answered(*films[::-1]))
    assert shared.n_shared == 8
    assert (shared.first.probabilities == shared.second.probabilities).all()


def test_classes_in_another_order_and_spelling_are_matched_by_name():
    other = ("normal", "Covid")
    first = answered(film("a.png", "COVID"), film("b.png", "Normal"))
    second = answered(
        film("a.png", "Covid", labels=other), film("b.png", "normal", labels=other), labels=other
    )
    shared = share_films(first, second)
    assert shared.second.labels == LABELS
    assert (shared.first.probabilities == shared.second.probabilities).all()
    assert (shared.first.predicted == shared.second.predicted).all()


def test_other_classes_are_not_the_same():
    assert not same_classes(LABELS, ("COVID", "Pneumonia"))
    assert not same_classes(LABELS, ("COVID", "Normal", "Pneumonia"))
    assert not same_classes(("COVID+", "COVID-"), ("COVID", "Normal"))
    with pytest.raises(ValueError, match="differ"):
        share_films(
            answered(film("a.png", "COVID")),
            answered(film("a.png", "x", labels=("x", "y")), labels=("x", "y")),
        )


def test_a_film_with_another_class_in_the_other_run_is_counted_and_left_out():
    first = answered(film("a.png", "COVID"), film("b.png", "Normal"))
    second = answered(film("a.png", "Normal"), film("b.png", "Normal"))
    shared = share_films(first, second)
    assert (shared.n_shared, shared.n_relabelled) == (1, 1)


def test_a_film_that_was_replaced_under_its_name_is_counted_and_left_out():
    first = answered(film("a.png", "COVID"), film("b.png", "Normal"))
    second = answered(film("a.png", "COVID", digest="new"), film("b.png", "Normal"))
    shared = share_films(first, second)
    assert (shared.n_shared, shared.n_replaced) == (1, 1)


def test_films_that_swapped_their_names_were_not_replaced():
    first = answered(film("a.png", "COVID", digest="1"), film("b.png", "Normal", digest="2"))
    second = answered(film("b.png", "COVID", digest="1"), film("a.png", "Normal", digest="2"))
    shared = share_films(first, second)
    assert (shared.n_shared, shared.n_replaced) == (2, 0)


def test_copies_of_one_film_count_as_often_as_both_have_them():
    one = film("a.png", "COVID", digest="1")
    copy = film("copy.png", "COVID", digest="1")
    assert share_films(answered(one, copy), answered(one, copy)).n_shared == 2
    assert share_films(answered(one, copy), answered(copy)).n_shared == 1


def test_patients_are_those_of_the_run_that_knows_more():
    known = film("a.png", "COVID", patient="p"), film("b.png", "Normal", patient="p")
    unknown = film("a.png", "COVID"), film("b.png", "Normal")
    for a, b in ((known, unknown), (unknown, known)):
        shared = share_films(answered(*a), answered(*b))
        assert shared.first.patients == shared.second.patients == ("p", "p")


def test_without_a_film_in_common_there_is_nothing_to_compare():
    shared = share_films(answered(film("a.png", "COVID")), answered(film("b.png", "COVID")))
    assert shared.n_shared == 0
    assert shared.first is None


def test_answers_are_not_changed():
    one = film("a.png", "COVID")
    share_films(answered(one), answered((replace(one[0], path="z.png"), one[1])))
    assert one[0].path == "a.png"
