"""Intervals that hold the true value less often than they say are named."""

import numpy as np

from carina.evaluation.interval_cautions import interval_cautions
from making.scored import drawn_films, scored


def test_classes_of_few_films_are_named_with_their_number():
    films = scored([0] * 40 + [1] * 7, np.eye(2)[[0] * 40 + [1] * 7], labels=("A", "B"))
    (sentence,) = interval_cautions(films)
    assert sentence.startswith("Fewer than 10 films of B (7): ")


def test_patients_are_counted_where_they_are_known():
    films = drawn_films(60, patients=[f"p{i // 10}" for i in range(60)])
    (sentence,) = interval_cautions(films)
    assert sentence.startswith("Fewer than 10 patients with films of Covid (6), Normal (6) and ")


def test_enough_films_of_every_class_need_no_word_and_an_absent_class_has_its_own():
    assert interval_cautions(drawn_films(60)) == ()
    assert interval_cautions(scored([0] * 20, np.eye(2)[[0] * 20], labels=("A", "B"))) == ()
