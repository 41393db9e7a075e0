"""A classifier's README.md: a model card in Hugging Face's form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from carina.domain.audit import Audit, Confounder
from carina.domain.card import Card, Provenance
from carina.domain.estimate import Estimate
from carina.domain.evaluation import Evaluation
from carina.domain.percentages import percent
from carina.domain.prediction import CAVEAT
from carina.domain.probes import CONFOUNDER_BALANCED_ACCURACY, MASKED_BALANCED_ACCURACY, probe_title
from carina.domain.recipe import Recipe
from carina.domain.sentences import capitalised, counted, sentence
from carina.reporting.audit_wording import signal_title
from carina.reporting.model_card_metadata import metadata
from carina.reporting.training_wording import how_trained, input_in_words, weights_in_words
from carina.reporting.wording import (
    interval_of,
    method_in_words,
    title_of,
    value_of,
    with_interval,
)
from carina.runs import Environment

_PER_CLASS = ("recall", "specificity", "precision", "roc_auc")
_PER_CLASS_TITLES = ("Sensitivity", "Specificity", "Precision (PPV)", "ROC AUC")
_NOT_RECORDED = "Not recorded: only the author can say."
_MOST_CONFOUNDERS = 5


def model_card(
    card: Card,
    *,
    recipe: Recipe | None = None,
    environment: Environment | None = None,
    audit: Audit | None = None,
    evaluation: Evaluation | None = None,
) -> str:
    """Return the classifier's README, in the order of the hub's model card template.

    What is not given is not made up: its place says so.

    Args:
        card: the classifier's.
        recipe: how it was trained.
        environment: on which machine, with which versions.
        audit: of its training data.
        evaluation: its internal test.
    """
    parts = (
        f"---\n{metadata(card, evaluation)}---\n",
        f"# Model card: {_md(card.name)}\n",
        f"{_opening(card)}\n",
        _section("Model Details", _details(card)),
        _section("Uses", _uses(card)),
        _section("Bias, Risks, and Limitations", _limits(card, evaluation)),
        _section("How to Get Started with the Model", _START),
        _section("Training Details", _training(card, recipe)),
        _section("Evaluation", _evaluation(card, evaluation)),
        _section("Leaks and Confounders", _against(audit, evaluation)),
        _section("Environmental Impact", _environment(environment)),
        _section("Technical Specifications", _technical(card, environment)),
        _section("Citation", _CITATION),
        _section("Model Card Authors and Contact", _NOT_RECORDED),
    )
    return "\n".join(parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text.strip()}\n"


def _opening(card: Card) -> str:
    made = "trained elsewhere and imported" if card.provenance.is_imported else "made"
    return (
        f"A chest X-ray classifier {made} with Carina {card.carina_version}: "
        f"{', '.join(map(_md, card.labels.names))}.\n**{CAVEAT}**"
    )


def _details(card: Card) -> str:
    provenance = card.provenance
    return _bullets(
        ("Developed by", _NOT_RECORDED),
        ("Model type", f"image classification; network {_md(provenance.architecture)}, "
                       f"{provenance.parameters:,} values"),
        ("Classes", ", ".join(map(_md, card.labels.names))),
        ("Recipe", _md(provenance.recipe)),
        ("License", "the author decides; that of the films stands under Training Data"),
        ("Finetuned from", _began_with(provenance)),
    )  # fmt: skip


def _began_with(provenance: Provenance) -> str:
    if provenance.is_imported:
        return _NOT_RECORDED
    return _md(provenance.weights) if provenance.weights else "nothing: trained from scratch"


def _uses(card: Card) -> str:
    classes = ", ".join(map(_md, card.labels.names))
    return f"""### Direct Use

Research and education: to study how well chest films of these classes can be told apart, and
what a classifier's numbers are worth. Every film gets one of: {classes}.

### Out-of-Scope Use

Diagnosis, triage or any decision about a patient. Films of another body part, lateral films,
photographs of films, and films that show anything but these classes: such a film gets one of
the answers above all the same, unless the input gate or the abstention rule holds it back.
{_sentence(f"The input gate: {card.gate.in_words}")}"""


def _limits(card: Card, evaluation: Evaluation | None) -> str:
    known = [*card.cautions, *(evaluation.cautions if evaluation else ())]
    told = list(dict.fromkeys(_sentence(caution) for caution in known))
    told.append("A heat map shows where the network looked, not that it saw a sign of disease.")
    return (
        "\n".join(f"- {one}" for one in told)
        + "\n\n### Recommendations\n\nTest it on films of your own hospital before you say anything"
        " about it (`carina evaluate THIS-FOLDER YOUR-FILMS`), and read the intervals."
    )


_START = """```
pip install carina
carina predict THIS-FOLDER film.png
carina predict THIS-FOLDER folder-of-films --explain heat-maps
carina serve THIS-FOLDER
```

```python
import carina

classifier = carina.load_classifier("THIS-FOLDER")
```"""


def _training(card: Card, recipe: Recipe | None) -> str:
    provenance = card.provenance
    if provenance.is_imported:
        return _trained_elsewhere(card)
    counts = _table(
        ("Class", "Training films"),
        ((_md(name), f"{n:,}") for name, n in provenance.n_train.items()),
    )
    how = _sentence(how_trained(recipe)) if recipe else _NOT_RECORDED
    began = _sentence(f"The weights began as: {weights_in_words(provenance, recipe)}")
    chosen = (
        f"Kept: the weights of epoch {provenance.epoch}."
        if provenance.epoch
        else "Kept: each stage's weights of the epoch that it chose."
    )
    return f"""### Training Data

Films of {", ".join(map(_md, provenance.sources))}. Licences of the films:
{"; ".join(map(_md, provenance.licences)) or "not stated by the data"}. Digest of the data set:
`{provenance.dataset_digest[:16]}`, of the split: `{provenance.split_digest[:16]}`.
{_sentence(f"Training, validation and test: {provenance.split}") if provenance.split else ""}

{counts}

### Training Procedure

#### Preprocessing

Each film becomes {input_in_words(card.input)}; grey values lie in 0 (air) to 1 (densest tissue).

#### Training Hyperparameters

{how} {began} {chosen}

#### Speeds, Sizes, Times

The run's `environment.json` has them. They are left out here, so that the same training gives
the same classifier to the last byte."""


def _trained_elsewhere(card: Card) -> str:
    """Return what is known of the training of a model that another tool trained."""
    return f"""### Training Data

What it was trained on is not known: {_md(card.provenance.origin)}. Nobody can tell from this folder
which films it has seen, so that a test on public films may be a test on its training films.

### Training Procedure

#### Preprocessing

Each film becomes {input_in_words(card.input)}; grey values lie in 0 (air) to 1 (densest tissue),
and the network's first step turns them into those that it was trained on.

#### Training Hyperparameters

{_NOT_RECORDED}"""


def _evaluation(card: Card, evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return _sentence(card.tested_on) if card.tested_on else "No test is recorded."
    data = evaluation.data
    patients = f" of {counted(data.n_patients, 'known patient')}" if data.n_patients else ""
    return f"""### Testing Data, Factors & Metrics

{counted(data.n_images, "film")}{patients} of the {data.part} part of {_md(data.name)}.
Intervals are 95 %, made over {data.unit}.

### Results

{_overall_table(evaluation)}

{_class_table(evaluation)}

{_rules(evaluation)}

{_sentence(card.tested_on) if card.tested_on else ""}"""


def _overall_table(evaluation: Evaluation) -> str:
    return _table(
        ("Over all films", "Value", "95 % interval", "Films", "Interval made by"),
        (
            (
                _md(title_of(name)),
                *_numbers(name, estimate),
                f"{estimate.n:,}",
                _md(method_in_words(estimate.method)),
            )
            for name, estimate in evaluation.metrics.items()
        ),
    )


def _class_table(evaluation: Evaluation) -> str:
    return _table(
        ("Class against the rest", "Films", *_PER_CLASS_TITLES),
        (
            (
                _md(label),
                value_of("support", named["support"]),
                *(with_interval(name, named[name]) for name in _PER_CLASS),
            )
            for label, named in evaluation.per_class.items()
        ),
    )


def _rules(evaluation: Evaluation) -> str:
    """Return what calibration, thresholds and abstention come to, in their own sentences."""
    said = [
        *([evaluation.calibration.sentence] if evaluation.calibration else []),
        *(point.sentence for point in evaluation.operating_points),
        *([evaluation.abstention.sentence] if evaluation.abstention else []),
    ]
    return "\n".join(f"- {_sentence(one)}" for one in said if one)


def _against(audit: Audit | None, evaluation: Evaluation | None) -> str:
    """Return what speaks against the numbers: leaks, confounders, serious findings."""
    said = [*_without_lungs_or_leaks(evaluation)] if evaluation is not None else []
    if audit is None:
        return "\n".join(f"- {one}" for one in said) or "No audit is recorded."
    critical = [finding for finding in audit.findings if finding.severity == "critical"]
    said += [_sentence(finding.sentence) for finding in critical]
    found = "\n".join(f"- {one}" for one in dict.fromkeys(said))
    telling = [one for one in audit.confounders if one.tells][:_MOST_CONFOUNDERS]
    table = f"\n\n{_confounder_table(telling)}" if telling else ""
    return f"{found}{table}" or "The audit found neither leaks nor confounders in what it looks at."


def _without_lungs_or_leaks(evaluation: Evaluation) -> Iterable[str]:
    if evaluation.without_leaks is not None:
        yield _sentence(evaluation.without_leaks.sentence)
    for name in (MASKED_BALANCED_ACCURACY, CONFOUNDER_BALANCED_ACCURACY):
        if name in evaluation.probes:
            reached = with_interval("balanced_accuracy", evaluation.probes[name])
            yield _sentence(f"{probe_title(name)}: {reached}")


def _confounder_table(telling: Sequence[Confounder]) -> str:
    return _table(
        ("What tells the class without the lungs", "Balanced accuracy", "Guessing"),
        (
            (
                _md(signal_title(one.signal)),
                f"{percent(one.balanced_accuracy)} ({100 * one.low:.1f} to {100 * one.high:.1f} %)",
                percent(one.chance),
            )
            for one in telling
        ),
    )


def _environment(environment: Environment | None) -> str:
    if environment is None:
        return "Not recorded."
    return _bullets(
        ("Hardware", _md(_machine(environment))),
        ("Time of training", "in the run's `environment.json`"),
        ("Electricity and carbon", "not measured"),
    )


def _machine(environment: Environment) -> str:
    facts = [f"{name.replace('_', ' ')} {value}" for name, value in environment.machine.items()]
    return ", ".join([*facts, f"device {environment.device}"])


def _technical(card: Card, environment: Environment | None) -> str:
    versions = "not recorded"
    if environment is not None:
        versions = ", ".join(f"{name} {one}" for name, one in environment.versions.items())
    return _bullets(
        ("Architecture and objective", _objective(card.provenance)),
        ("Input", f"float32, {card.input.channels} x {card.input.height} x {card.input.width}, in "
                  "0 to 1; normalisation is part of the network"),
        ("Output", "logits, which the rules of card.json turn into probabilities and an answer"),
        *([("Number format", f"f32. {_md(card.serving.sentence)}")] if card.serving else []),
        ("Software", _md(versions)),
    )  # fmt: skip


def _objective(provenance: Provenance) -> str:
    if provenance.is_imported:
        return f"{_md(provenance.architecture)}; how it was trained is not known"
    return f"{_md(provenance.architecture)}, trained with cross-entropy; exported to ONNX"


_CITATION = (
    "Cite the data sets that the films came from, and Carina with its version. A paper of the "
    "author on this classifier is not recorded."
)


def _numbers(name: str, estimate: Estimate) -> tuple[str, str]:
    if estimate.value is None:
        return value_of(name, estimate), _md(estimate.undefined_because)
    return value_of(name, estimate), interval_of(name, estimate)


def _bullets(*pairs: tuple[str, str]) -> str:
    return "\n".join(f"- **{name}:** {value}" for name, value in pairs)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _sentence(text: str) -> str:
    """Return a sentence for Markdown, with its capital and its full stop."""
    words = sentence(text)
    return _md(capitalised(words))


def _md(text: str) -> str:
    r"""Return text that Markdown shows as it is, in one line.

    >>> _md("<b>a|b</b>"), _md("five_conv")
    ('\\<b\\>a\\|b\\</b\\>', 'five\\_conv')
    """
    return re.sub(r"([\\`*_\[\]<>|#~$])", r"\\\1", " ".join(text.split()))
