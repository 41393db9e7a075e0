"""How far heat maps can be believed, measured: the tables of docs/explanation/heat-maps.md.

    python benchmarks/explanations.py score NAME CLASSIFIER DATA [--films N] [--method M ...]
    python benchmarks/explanations.py lesions NAME CLASSIFIER [--films N] [--method M ...]
    python benchmarks/explanations.py blanks NAME CLASSIFIER DATA [--films N]
    python benchmarks/explanations.py curves NAME CLASSIFIER DATA [--films N]
    python benchmarks/explanations.py table

`score` is `carina explain --scores`. `lesions` draws phantom films with known lesions, and asks
whether the heat of films that are answered rightly lies on them. `blanks` compares what may
stand where a place of a film was removed: how far the answer moves although only a random
tenth of the film is gone, and how well each tells Grad-CAM from random maps. `curves` holds
the few points of a deletion curve against many, and rank correlation against SSIM.
Every command appends its rows to the file of `--append`, and prints the table of the file.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from carina.domain.softmax import log_softmax
from carina.evaluation import heat_maps
from carina.evaluation.film_means import mean_over_films
from carina.evaluation.heat_maps import (
    blurred,
    deletion_and_insertion,
    hottest_inside,
    likeness,
    random_like,
    share_inside,
)
from carina.imaging.lung_masks import mask_on_grid
from carina.imaging.phantom import PHANTOM_CLASSES, make_phantom
from carina.imaging.picture_quality import ssim
from carina.imaging.pictures import pixels_png
from carina.imaging.prepare import back_to_film
from carina.imaging.read import read_radiograph_bytes
from carina.inference.bundle import classifier_folder, load_classifier
from carina.inference.explain import EXPLAINERS
from carina.inference.shuffled_weights import ShuffledClassifiers
from carina.settings import Settings
from carina.workflows.explain_scores import (
    explain_scores,
    films_to_explain,
    records_of,
)
from carina.workflows.explained_films import chosen_films

_LESIONS = ("pneumonia", "covid")
_BLUR_SHARES = (0.02, 0.05, 0.1, 0.2)
_REMOVED = 0.1
_MANY = tuple(np.arange(0.02, 1, 0.02).tolist())


def score(asked) -> Iterator[dict]:
    """Yield a row for each method and score."""
    start = time.perf_counter()
    result = explain_scores(
        asked.classifier, asked.data, methods=asked.method, films=asked.films, out=asked.out
    )
    seconds = time.perf_counter() - start
    found = result.found.explanation_scores
    for one in found.methods.values():
        for name, estimate in one.scores.items():
            yield row(asked, one.title, name, estimate)
    for caution in found.cautions:
        print(f"caution: {caution}")
    print(f"{seconds:.1f} s; {found.data}")


def lesions(asked) -> Iterator[dict]:
    """Yield where the heat lies on phantoms whose lesions are known."""
    classifier = load_classifier(asked.classifier)
    spec = classifier.card.input
    names = {finding: name for name, finding in PHANTOM_CLASSES.items()}
    measured: dict[str, list[tuple[float, ...]]] = {name: [] for name in methods_of(asked)}
    n_right = 0
    for number in range(asked.films):
        finding = _LESIONS[number % len(_LESIONS)]
        phantom = make_phantom(finding, rng=np.random.default_rng([2026, number]))
        lesion = mask_on_grid(phantom.lesion_mask, spec)
        lungs = mask_on_grid(phantom.lung_mask, spec)
        film = read_radiograph_bytes(pixels_png(phantom.pixels), name="phantom")
        if not lesion.any() or classifier.predict(film).predicted != names[finding]:
            continue
        n_right += 1
        image = classifier.prepare(film)
        for method, found in measured.items():
            heat = heat_of(classifier, image, names[finding], method)
            if heat.max() > 0:
                inside, even = share_inside(heat, lesion), lesion.mean()
                pointed = hottest_inside(heat, lesion)
                found.append(
                    (inside, even, inside - even, pointed, share_inside(heat, lungs), lungs.mean())
                )
    print(f"{n_right} of {asked.films} phantoms with a lesion answered rightly")
    for method, found in measured.items():
        columns = zip(*found, strict=True)
        scores = ("heat on lesions", "lesions of picture", "heat on lesions above even",
                  "hottest on lesions", "heat in lungs", "lungs of picture")  # fmt: skip
        for name, values in zip(scores, columns, strict=True):
            estimate = mean_over_films(np.array(values, float), patients=[None] * len(found))
            yield row(asked, EXPLAINERS.get(method).title, name, estimate)


def blanks(asked) -> Iterator[dict]:
    """Yield what each filling does to the answer, and how it tells Grad-CAM from chance."""
    fillings = {
        f"blur {share:g}": (lambda image, s=share: blur(image, s)) for share in _BLUR_SHARES
    }
    fillings |= {
        "mean grey": lambda image: np.full_like(image, image.mean()),
        "black": np.zeros_like,
    }
    films = list(explained(asked))
    for name, fill in fillings.items():
        moved, whole, gains = [], [], []
        for classifier, film, heat in films:
            probability = probability_of(classifier, film.label)
            rng = np.random.default_rng(int(film.sha256[:8], 16))
            blank = fill(film.image)
            drawn = [random_like(heat, rng=rng) for _ in range(4)]
            limits = [np.quantile(one, 1 - _REMOVED) for one in drawn]
            gone = [
                np.where(one > limit, blank, film.image)
                for one, limit in zip(drawn, limits, strict=True)
            ]
            found = probability(np.stack([film.image, blank, *gone]))
            moved.append(float(np.abs(found[2:] - found[0]).mean()))
            whole.append(float(found[1]))
            own, *random = (
                np.subtract(*deletion_and_insertion(
                    one, film.image, blank, probability=probability, ends=found[:2]
                )[::-1])
                for one in (heat, *drawn[:2])
            )  # fmt: skip
            gains.append(float(own - np.mean(random)))
        patients = [film.patient for _, film, _ in films]
        for score_name, values in (
            ("moved by a random tenth", moved),
            ("probability with all gone", whole),
            ("gain over random", gains),
        ):
            estimate = mean_over_films(np.array(values), patients=patients)
            yield row(asked, name, score_name, estimate)
        print(f"{name}: gain over its deviation {np.mean(gains) / np.std(gains, ddof=1):.2f}")


def curves(asked) -> Iterator[dict]:
    """Yield how far few points of a curve are from many, and rank correlation from SSIM."""
    apart, ranks, ssims, patients = [], [], [], []
    few, folder = heat_maps.REMOVED_SHARES, classifier_folder(Path(asked.classifier))
    shuffled = None
    for classifier, film, heat in explained(asked):
        if shuffled is None:
            shuffled = ShuffledClassifiers(classifier, folder).made(part="network", seed=1)
        probability, blank = probability_of(classifier, film.label), blurred(film.image)
        ends = probability(np.stack([film.image, blank]))
        areas = []
        for shares in (few, _MANY):
            heat_maps.REMOVED_SHARES = shares
            deletion, insertion = deletion_and_insertion(
                heat, film.image, blank, probability=probability, ends=ends
            )
            areas.append(insertion - deletion)
        heat_maps.REMOVED_SHARES = few
        apart.append(abs(areas[0] - areas[1]))
        other = heat_of(shuffled, film.image, film.label, "grad-cam")
        ranks.append(likeness(heat, other))
        ssims.append(ssim(heat / heat.max(), other / max(float(other.max()), 1e-12)))
        patients.append(film.patient)
    for name, values in (
        ("few points against many", apart),
        ("rank correlation, shuffled", ranks),
        ("SSIM, shuffled", ssims),
    ):
        yield row(asked, "Grad-CAM", name, mean_over_films(np.array(values), patients=patients))


def explained(asked):
    """Yield the classifier, a film of DATA and its Grad-CAM."""
    classifier = load_classifier(asked.classifier)
    records, names = records_of(asked.data, Settings.from_environment())
    films, _ = films_to_explain(classifier, chosen_films(records, most=asked.films), names, None)
    for film in films:
        heat = heat_of(classifier, film.image, film.label, "grad-cam")
        if heat.max() > 0:
            yield classifier, film, heat


def heat_of(classifier, image, label, method):
    """Return a method's map float32 over the network's picture."""
    spec = classifier.card.input
    found = EXPLAINERS.get(method).explain(
        classifier.in_network(image, label), class_index=classifier.labels.index(label)
    )
    return back_to_film(found, spec, height=spec.height, width=spec.width)


def probability_of(classifier, label):
    """Return images -> the network's own probability of a class."""
    index = classifier.labels.index(label)
    return lambda images: np.exp(log_softmax(classifier.logits(images)))[:, index]


def blur(image, share):
    """Return `heat_maps.blurred` with another deviation."""
    kept, heat_maps.BLUR_SHARE = heat_maps.BLUR_SHARE, share
    try:
        return blurred(image)
    finally:
        heat_maps.BLUR_SHARE = kept


def methods_of(asked):
    """Return the methods that were asked for, or all."""
    return asked.method or EXPLAINERS.names()


def row(asked, what, name, estimate) -> dict:
    """Return what the file keeps of one number."""
    values = estimate.model_dump(include={"value", "low", "high", "n"})
    return {"part": asked.part, "name": asked.name, "what": what, "score": name, **values}


def print_table(file: Path) -> None:
    """Print the newest row of each number, one column for each classifier and method."""
    newest = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        newest[one["part"], one["name"], one["what"], one["score"]] = one
    for part in dict.fromkeys(key[0] for key in newest):
        own = {key[1:]: one for key, one in newest.items() if key[0] == part}
        columns = list(dict.fromkeys(key[:2] for key in own))
        print(f"\n| {part} | {' | '.join(f'{name}: {what}' for name, what in columns)} |")
        print(f"| --- |{' --- |' * len(columns)}")
        for score_name in dict.fromkeys(key[2] for key in own):
            cells = [shown(own.get((*column, score_name))) for column in columns]
            print(f"| {score_name} | {' | '.join(cells)} |")


def shown(one) -> str:
    """Return a number with its interval."""
    if one is None or one["value"] is None:
        return "-"
    ends = "" if one["low"] is None else f" ({one['low']:.3f} to {one['high']:.3f})"
    return f"{one['value']:.3f}{ends}, n {one['n']}"


def asked_for():
    """Return the command line, read."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--append", type=Path, default=Path("runs/explanations.jsonl"))
    parts = parser.add_subparsers(dest="part", required=True)
    for part in ("score", "lesions", "blanks", "curves"):
        own = parts.add_parser(part)
        own.add_argument("name")
        own.add_argument("classifier", type=Path)
        if part != "lesions":
            own.add_argument("data", type=Path)
        own.add_argument("--films", type=int, default=24)
        own.add_argument("--method", action="append", default=[])
        own.add_argument("--out", type=Path, default=None)
    parts.add_parser("table")
    return parser.parse_args()


if __name__ == "__main__":
    asked = asked_for()
    if asked.part != "table":
        measure = {"score": score, "lesions": lesions, "blanks": blanks, "curves": curves}
        asked.append.parent.mkdir(parents=True, exist_ok=True)
        rows = list(measure[asked.part](asked))
        with asked.append.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(one) + "\n" for one in rows)
    print_table(asked.append)
