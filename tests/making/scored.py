"""Scored films: fixed ones, and Hypothesis strategies."""

import numpy as np
from hypothesis import strategies as st

from carina.evaluation.scored_films import ScoredFilms

LABELS = ("Covid", "Normal", "Viral Pneumonia")


def scored(y_true, probabilities, *, labels=LABELS, patients=None, sources=None, subgroups=None):
    """Return films whose answer is the most probable class."""
    y_true = np.asarray(y_true, dtype=np.intp)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    n = y_true.size
    return ScoredFilms(
        labels=tuple(labels),
        y_true=y_true,
        probabilities=probabilities,
        predicted=probabilities.argmax(axis=1),
        patients=tuple(patients) if patients is not None else (None,) * n,
        sources=tuple(sources) if sources is not None else ("one",) * n,
        subgroups=subgroups or {},
    )


def drawn_films(n, *, n_classes=3, seed=0, separation=1.5, patients=None):
    """Return `n` random films, every class among them."""
    rng = np.random.default_rng(seed)
    y_true = np.arange(n) % n_classes
    logits = rng.normal(size=(n, n_classes))
    logits[np.arange(n), y_true] += separation
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    return scored(y_true, shares, labels=LABELS[:n_classes], patients=patients)


def perfect_films(n_per_class=10, n_classes=3):
    """Return films that all get a sure and right answer."""
    y_true = np.repeat(np.arange(n_classes), n_per_class)
    return scored(y_true, np.eye(n_classes)[y_true], labels=LABELS[:n_classes])


def constant_films(n_per_class=10, n_classes=3, *, patients=None):
    """Return films that all get one answer, with the same probabilities."""
    y_true = np.tile(np.arange(n_classes), n_per_class)
    shares = np.full((y_true.size, n_classes), 1 / n_classes)
    return scored(y_true, shares, labels=LABELS[:n_classes], patients=patients)


@st.composite
def scored_tables(draw, *, every_class=False, n_classes=None, with_patients=False):
    """Draw films with coarse scores, so that ties are common and classes may be absent.

    With patients they have several films each, few patients, and some are unknown.
    """
    k = n_classes or draw(st.integers(2, 3))
    n = draw(st.integers(k, 24))
    y_true = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    if every_class:
        y_true[:k] = range(k)
    parts = draw(
        st.lists(
            st.lists(st.integers(0, 8), min_size=k, max_size=k).filter(any), min_size=n, max_size=n
        )
    )
    names = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=n, max_size=n)
    patients = draw(names) if with_patients else None
    shares = np.array(parts, dtype=np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    return scored(y_true, shares, labels=LABELS[:k], patients=patients)
