"""A classifier whose files somebody changed, digests and all, answers or is refused in words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.errors import ClassifierError
from carina.inference.bundle import load_classifier
from making.films import film_of
from making.mutated_classifiers import TARGETS, film_pixels, mutate, write_gated_classifier

NUMBERS = st.integers(0, 10**9)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return write_gated_classifier(tmp_path_factory.mktemp("whole") / "classifier")


def ask(folder):
    """Use a classifier in every way, and return whether it was refused."""
    film = film_of(film_pixels())
    try:
        loaded = load_classifier(folder, threads=1)
        loaded.predict(film)
        assert loaded.seen is not None
        label = loaded.labels.names[0]
        for method in loaded.card.explained_by(label)[:3]:
            loaded.explain(film, label, method=method)
    except ClassifierError:
        return True
    return False


def test_the_classifier_that_is_changed_answers_as_it_is(own):
    assert not ask(own)


@given(target=st.sampled_from(TARGETS), number=NUMBERS)
@settings(max_examples=60)
def test_a_changed_classifier_answers_or_is_refused(own, target, number, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "changed-classifier"
    ask(mutate(own, folder, target=target, number=number))


@pytest.mark.slow
@given(target=st.sampled_from(TARGETS), number=NUMBERS)
@settings(max_examples=2_000)
def test_thousands_of_changed_classifiers_answer_or_are_refused(
    own, target, number, tmp_path_factory
):
    folder = tmp_path_factory.getbasetemp() / "changed-classifier-slow"
    ask(mutate(own, folder, target=target, number=number))
