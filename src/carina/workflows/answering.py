"""A classifier's answers to films whose pixels are already prepared."""

from carina.domain.prediction import Prediction
from carina.domain.record import Part
from carina.imaging.prepare import network_input
from carina.inference.classifier import Classifier
from carina.workflows.films import Films
from carina.workflows.gating import scanned_measures

_BATCH = 64


def answers_on(films: Films, part: Part, classifier: Classifier) -> list[Prediction]:
    """Return the deployed classifier's answers on a part, in f32, from the prepared pixels."""
    records = films.of(part)
    answers: list[Prediction] = []
    pixels = films.scan.pixels
    assert pixels is not None  # open_films scans with an input spec
    at_once = classifier.card.input.films_at_once(_BATCH)
    for start in range(0, len(records), at_once):
        batch = records[start : start + at_once]
        facts = [films.scan.facts[record.key] for record in batch]
        found = classifier.answers_prepared(
            network_input(pixels.levels([record.key for record in batch]), classifier.card.input),
            measures=scanned_measures(films, batch),
            paths=[record.path for record in batch],
            cautions=[f.cautions for f in facts],
            digests=[f.sha256 for f in facts],
        )
        answers.extend(
            answer.of(record, part=part) for record, answer in zip(batch, found, strict=True)
        )
    return answers
