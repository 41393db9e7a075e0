"""The YAML head of a model card, in the form that the Hugging Face hub reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from carina.domain.card import Card
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.sentences import counted
from carina.reporting.wording import title_of

# The hub's own names of metrics: https://huggingface.co/metrics
_HUB_METRICS = {
    "accuracy": "accuracy",
    "f1_macro": "f1",
    "precision_macro": "precision",
    "recall_macro": "recall",
    "roc_auc_macro": "roc_auc",
    "matthews_corrcoef": "matthews_correlation",
    "brier_score": "brier_score",
}
_TASK = "image-classification"
_TAGS = ("chest-x-ray", "radiology", "medical-imaging", "onnx", "carina")

Yaml = str | float | int | Sequence["Yaml"] | Mapping[str, "Yaml"]


def metadata(card: Card, evaluation: Evaluation | None) -> str:
    """Return the lines between the two `---` of a model card.

    The keys are those of the hub's model card specification (hub-docs, `modelcard.md`). A
    metric without a value is left out there, since the schema has no word for it.
    """
    tree: dict[str, Yaml] = {
        "library_name": "carina",
        "pipeline_tag": _TASK,
        "tags": list(_TAGS),
    }
    text = (
        "# The author decides the licence; see the films' licences under Training Data.\n"
        "license: unknown\n"
        f"{_lines(tree)}"
        f"{_data_sets(card)}"
    )
    if evaluation is None:
        return text
    used = [hub for name, hub in _HUB_METRICS.items() if _has_value(evaluation.metrics, name)]
    results = [_result(evaluation, evaluation.metrics, "")]
    without = evaluation.without_leaks
    if without is not None and _has_value(without.metrics, "accuracy"):
        results.append(
            _result(evaluation, without.metrics, " without the films known from training")
        )
    index: dict[str, Yaml] = {
        "metrics": used,
        "model-index": [{"name": card.name, "results": results}],
    }
    return text + _lines(index)


def _data_sets(card: Card) -> str:
    names = [_slug(name) for name in card.provenance.sources]
    if not names:
        return "# What it was trained on is not known.\n"
    comment = "# Names of folders, not identifiers of data sets on the hub.\n"
    return f"{comment}{_lines({'datasets': names})}"


def _has_value(estimates: Estimates, name: str) -> bool:
    return name in estimates and estimates[name].value is not None


def _result(evaluation: Evaluation, estimates: Estimates, films: str) -> dict[str, Yaml]:
    """Return one entry of `model-index`: task, data set and metrics with their values."""
    data = evaluation.data
    return {
        "task": {"type": _TASK, "name": "Chest X-ray classification"},
        "dataset": {
            "type": _slug(data.name),
            "name": f"{data.name}{films}",
            "split": data.part,
        },
        "metrics": [
            {
                "type": hub,
                "value": estimates[name].value or 0.0,
                "name": _metric_name(name, estimates),
            }
            for name, hub in _HUB_METRICS.items()
            if _has_value(estimates, name)
        ],
    }


def _metric_name(name: str, estimates: Estimates) -> str:
    """Return a metric's name with its interval, for which the hub has no key."""
    estimate = estimates[name]
    films = counted(estimate.n, "film")
    if estimate.low is None or estimate.high is None:
        return f"{title_of(name)} ({films})"
    return f"{title_of(name)} (95 % interval {estimate.low:.3f} to {estimate.high:.3f}, {films})"


def _slug(name: str) -> str:
    """Return a name that the hub takes as an identifier.

    >>> _slug("COVID-19 & others"), _slug("<>")
    ('COVID-19-others', 'films')
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "films"


def _lines(tree: Mapping[str, Yaml], indent: str = "") -> str:
    """Return a mapping as YAML lines."""
    text = ""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            text += f"{indent}{key}:\n{_lines(value, indent + '  ')}"
        elif isinstance(value, str | float | int):
            text += f"{indent}{key}: {_scalar(value)}\n"
        else:
            text += f"{indent}{key}:\n" + "".join(_entry(one, indent) for one in value)
    return text


def _entry(value: Yaml, indent: str) -> str:
    """Return an entry of a list as YAML lines."""
    if isinstance(value, Mapping):
        return f"{indent}- " + _lines(value, f"{indent}  ").removeprefix(f"{indent}  ")
    assert isinstance(value, str | float | int)  # no list of lists stands in a model card
    return f"{indent}- {_scalar(value)}\n"


def _scalar(value: str | float) -> str:
    """Return a value as YAML: numbers with a point, so that YAML 1.1 too reads them as such.

    >>> _scalar('say "a: b"\\n'), _scalar(0.5), _scalar("onnx")
    ('"say \\\\"a: b\\\\"\\\\n"', '0.500000', 'onnx')
    """
    if isinstance(value, str):
        plain = re.fullmatch(r"[a-z][a-z_-]*", value) and value not in _WORDS_OF_YAML
        return value if plain else _quoted(value)
    return f"{value:.6f}" if isinstance(value, float) else str(value)


# YAML 1.1 reads these as truth values or as nothing
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def _quoted(text: str) -> str:
    """Return text in double quotes; what is not printable is written as its number."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(c) or _printable(c) for c in text) + '"'


def _printable(character: str) -> str:
    return character if character.isprintable() else f"\\U{ord(character):08X}"
