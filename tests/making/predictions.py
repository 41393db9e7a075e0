"""Answers to labelled films, without films."""

from carina.domain.prediction import Prediction


def predictions_of(n_right, n_wrong, *, classes=("Covid", "Normal"), names=("Covid", "Normal")):
    """Return answers to films of `classes` in turn, the right ones first.

    Args:
        n_right, n_wrong: how many answers are so.
        classes: of the films.
        names: every class; a wrong answer is the next one.
    """
    films = []
    for number in range(n_right + n_wrong):
        label = classes[number % len(classes)]
        answer = names.index(label) + (number >= n_right)
        predicted = names[answer % len(names)]
        share = 0.6 + 0.3 * (number % 7) / 7
        rest = (1 - share) / (len(names) - 1)
        films.append(
            Prediction(
                path=f"{label}/{number:04d}.png",
                source="made",
                label=label,
                predicted=predicted,
                probabilities={name: share if name == predicted else rest for name in names},
                logits={},
            )
        )
    return films
