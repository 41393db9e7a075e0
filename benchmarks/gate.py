"""What the input gate of a trained classifier refuses, by kind of picture and by budget.

None of the kinds of the first table was used to fit the gate (it is fitted against pictures that
are made of its own training films): photographs and textures that scikit-image, scikit-learn and
matplotlib ship, digits and faces, pages of text, the slices and the extremity among pydicom's and
this project's DICOM files, drawings of other views and body parts where no real ones can be had,
noise, gradients, phantom films (which are drawings of chest films), and crops of films of other
data sets. The second table is the share of films that get no answer in every folder of real films;
films of other hospitals and of children are no mistakes in themselves, and what is refused there
is what the classifier was never shown.

    python benchmarks/gate.py [--data DIR] [--cache DIR] [--run RUN DATA]...

Without `--run` two classifiers are trained, on covid-dataset and on covid19-image-dataset.
"""

import argparse
import gzip
import io
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pydicom
import skimage
from drawn_pictures import DRAWN, drawn
from film_reference import DATA
from misfits import other_body_parts, package_pictures
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import carina
from carina.domain.gate import Gate, GateMeasures
from carina.domain.progress import silent
from carina.domain.radiograph import Radiograph
from carina.errors import ImageError
from carina.imaging.phantom import PHANTOM_FINDINGS, make_phantom
from carina.imaging.read import read_radiograph, read_radiograph_bytes
from carina.inference.bundle import load_classifier
from carina.inference.classifier import Classifier
from carina.inference.gate import measure
from carina.inference.gate.fitting import BUDGET, FittedGate
from carina.inference.gate.reference import GateReference
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.films import open_films
from carina.workflows.gate_pictures import CHANGES, changed
from carina.workflows.gating import gate_of

BUDGETS = (0.005, 0.01, BUDGET, 0.03, 0.05)
TRAINED_ON = ("covid-dataset", "covid19-image-dataset")
FOLDERS = ("covid-dataset", "covid19-image-dataset", "ieee8023", "kermany", "nih", "dicom/chest")
N_DRAWN, N_OF_A_FOLDER = 60, 200
_LONGEST_SIDE = 640
_WORDS = "chest film report without sign of disease heart size normal no effusion seen on either"
# Drawings of chest films belong or do not, as one sees it: no part of the totals.
_APART = ("phantom film",)
_REAL = (
    "colour photograph",
    "grey photograph or texture",
    "digit",
    "DICOM, other body part",
    "face",
    "MR or CT slice, ultrasound",
    "page of text",
    "slice, as its file says",
)


@dataclass(frozen=True, eq=False)
class Looked:
    """Pictures as a classifier's gate sees them.

    Attributes:
        measures: before anything fitted is measured.
        features: float32 `[n, features]`.
    """

    measures: list[GateMeasures]
    features: NDArray[np.float32]

    def refused(self, fitted: FittedGate) -> tuple[NDArray[np.bool_], Counter[str]]:
        """Return which a gate refuses, bool `[n]`, and by which codes."""
        return judged(self, fitted.gate, GateReference.from_bytes(fitted.data))


def judged(
    looked: Looked, gate: Gate, reference: GateReference
) -> tuple[NDArray[np.bool_], Counter[str]]:
    """Return which pictures are refused, bool `[n]`, and by which codes."""
    measured = reference.measured(looked.measures, looked.features)
    refusals = [gate.judge(one) for one in measured]
    return np.array([one is not None for one in refusals], dtype=np.bool_), Counter(
        one.code for one in refusals if one
    )


def look(classifier: Classifier, films: list[Radiograph]) -> Looked:
    """Return pictures as the gate sees them."""
    features = [
        classifier.features(
            np.stack([classifier.prepare(film) for film in films[start : start + 16]])
        )
        for start in range(0, len(films), 16)
    ]
    return Looked([measure(film) for film in films], np.concatenate(features))


def as_film(picture: Image.Image) -> Radiograph:
    """Return what Carina reads of a picture that was saved as PNG."""
    buffer = io.BytesIO()
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    picture.save(buffer, format="PNG", compress_level=1)
    return read_radiograph_bytes(buffer.getvalue(), name="made.png")


def other_pictures() -> dict[str, list[Radiograph]]:
    """Return pictures that are no chest films, by kind; none was used to fit a gate."""
    found: dict[str, list[Radiograph]] = defaultdict(list)
    for kind, picture in package_pictures():
        found[kind].append(as_film(picture))
    for kind, picture in other_body_parts():
        found[kind].append(as_film(picture))
    for kind, picture in (*_sample_pictures(), *_faces(), *_pages(), *_noise()):
        found[kind].append(as_film(picture))
    for kind, film in _pydicom_files():
        found[kind].append(film)
    for kind in DRAWN:
        found[kind] = [as_film(drawn(kind, number)) for number in range(N_DRAWN)]
    for number in range(N_DRAWN):
        finding = PHANTOM_FINDINGS[number % len(PHANTOM_FINDINGS)]
        pixels = make_phantom(finding, rng=np.random.default_rng([7, number])).pixels
        found["phantom film"].append(as_film(Image.fromarray((pixels * 255).astype(np.uint8))))
    return dict(found)


def _sample_pictures() -> Iterator[tuple[str, Image.Image]]:
    """Yield matplotlib's sample pictures: a photograph, a logo and a slice of a head."""
    folder = Path(mpl.get_data_path()) / "sample_data"
    for name in ("grace_hopper.jpg", "Minduka_Present_Blue_Pack.png", "logo2.png"):
        if (folder / name).is_file():
            with Image.open(folder / name) as opened:
                yield "colour photograph", opened.convert("RGB")
                yield "grey photograph or texture", opened.convert("L")
    if (folder / "s1045.ima.gz").is_file():
        values = np.frombuffer(gzip.decompress((folder / "s1045.ima.gz").read_bytes()), ">u2")
        square = values[: 256 * 256].reshape(256, 256).astype(np.float64)
        yield "MR or CT slice, ultrasound", _grey(square)


def _faces() -> Iterator[tuple[str, Image.Image]]:
    faces = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")
    for face in faces[:100:2]:
        picture = Image.fromarray((255 * face).astype(np.uint8))
        yield "face", picture.resize((200, 200), Image.Resampling.BICUBIC)


def _pages() -> Iterator[tuple[str, Image.Image]]:
    for number in range(N_DRAWN):
        rng = np.random.default_rng([23, number])
        is_dark = rng.random() < 0.3
        page = Image.new("L", (int(rng.integers(400, 700)), int(rng.integers(400, 900))), 250)
        draw, size = ImageDraw.Draw(page), int(rng.integers(10, 26))
        font, top = ImageFont.load_default(size=size), int(rng.integers(10, 80))
        while top < page.height - size - 10:
            n_words = int(rng.integers(2, 14))
            line = " ".join(rng.choice(_WORDS.split(), n_words))
            draw.text((int(rng.integers(10, 60)), top), line, fill=20, font=font)
            top += int(size * rng.choice([1.3, 1.5, 2.5]))
        yield "page of text", page.point(lambda v: 255 - v) if is_dark else page


def _noise() -> Iterator[tuple[str, Image.Image]]:
    for number in range(N_DRAWN):
        rng = np.random.default_rng([29, number])
        cells = rng.random((int(rng.integers(4, 300)),) * 2)
        order = Image.Resampling.BICUBIC if number % 2 else Image.Resampling.NEAREST
        noise = Image.fromarray((255 * cells).astype(np.uint8)).resize((300, 300), order)
        yield "noise, fine to coarse", noise
        y, x = np.mgrid[0:300, 0:300] / 300
        ramp = (y - 0.5) * rng.normal() + (x - 0.5) * rng.normal()
        round_one = np.hypot(y - rng.random(), x - rng.random()) * rng.normal()
        yield "gradient", _grey(ramp + (round_one if number % 2 else 0))


def _grey(values: NDArray[np.float64]) -> Image.Image:
    low, high = np.quantile(values, [0.005, 0.995])
    return Image.fromarray((255 * ((values - low) / (high - low)).clip(0, 1)).astype(np.uint8))


def _pydicom_files() -> Iterator[tuple[str, Radiograph]]:
    """Yield pydicom's test files that hold a picture; the tags are taken away, so that only the
    pixels speak, and what has tags that speak is counted on its own."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    for path in sorted(folder.glob("*.dcm")):
        try:
            film = read_radiograph(path)
        except ImageError:
            continue
        if min(film.height, film.width) < 28:
            continue
        if any(trace in film.traces for trace in ("modality CT", "modality MR", "modality US")):
            yield "slice, as its file says", film
        grey = Image.fromarray((255 * film.pixels).astype(np.uint8))
        yield "MR or CT slice, ultrasound", as_film(grey)


def films_of(folder: Path, most: int) -> list[Radiograph]:
    """Return films of a folder, spread evenly, at most so many."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and "lung-masks" not in path.parts
    )
    files = [path for path in files if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".dcm")]
    chosen = files[:: max(len(files) // most, 1)][:most]
    films = []
    for path in chosen:
        try:
            films.append(read_radiograph(path))
        except ImageError:
            continue
    return films


def trained(folder: Path, cache: Path) -> Run:
    """Return a run of the default recipe on a folder, without its slow parts."""
    out = cache / "runs" / f"gate-{folder.name}"
    if not (out / "report.html").is_file():
        carina.train(folder, out=out, set=["evaluate.masked_probe=false"], progress=silent)
    return Run.open(out)


def report(
    run: Run, data: Path, args: argparse.Namespace, pictures: dict[str, list[Radiograph]]
) -> FittedGate:
    """Print the tables of one run, and return its gate."""
    settings = Settings.from_environment()
    films = open_films([data], run.recipe, settings, silent)
    classifier = load_classifier(run.folder)
    network = (run.classifier_dir / "network.onnx").read_bytes()
    spec = classifier.card.input
    start = time.perf_counter()
    gates = {budget: gate_of(films, spec, network=network, budget=budget) for budget in BUDGETS}
    seconds = (time.perf_counter() - start) / len(BUDGETS)
    gate = gates[BUDGET].gate
    print(f"\n== {run.recipe.name} trained on {data.name}: {gate.in_words} ({seconds:.1f} s)")
    for check in gate.checks:
        print(f"   {check.measure:9} usual {check.usual:6.2f}, limit {check.limit:6.2f}, tail from "
              f"{check.tail_start:.2f} by {check.tail_scale:.3f}")  # fmt: skip
    print(f"   colour up to {gate.max_colour_share:.2f}, frontal {gate.is_frontal}")
    test = [read_radiograph(record.file) for record in films.of("test")]
    looked = look(classifier, test)
    _head()
    _row("films of the own test part", looked, gates)
    print("   kinds that it was fitted against, made of these films")
    for number, kind in enumerate(CHANGES):
        rng = np.random.default_rng([3, number])
        _row(kind, look(classifier, [changed(film, kind, rng) for film in test]), gates)
    print("   other kinds")
    every = {kind: look(classifier, own) for kind, own in pictures.items()}
    for number, kind in enumerate(("cut to a corner", "cut to a piece of the middle")):
        rng = np.random.default_rng([31, number])
        others = [film for name in FOLDERS[2:5] for film in films_of(args.data / name, 40)]
        every[f"{kind}, other sets"] = look(classifier, [changed(f, kind, rng) for f in others])
    _other_kinds(every, gates)
    print("   films without an answer, by folder")
    for name in FOLDERS:
        _row(name, look(classifier, films_of(args.data / name, N_OF_A_FOLDER)), gates)
    return gates[BUDGET]


def _other_kinds(every: dict[str, Looked], gates: dict[float, FittedGate]) -> None:
    """Print a row for each kind, and their means."""
    rows = {kind: _row(kind, own, gates) for kind, own in every.items()}
    for words, kinds in (
        ("mean over these kinds", [kind for kind in rows if kind not in _APART]),
        ("over those neither drawn nor cut", _REAL),
    ):
        means = {b: float(np.mean([rows[kind][b] for kind in kinds])) for b in gates}
        _line(words, means, 0, "")


def _head() -> None:
    budgets = " ".join(f"{100 * budget:6.1f}%" for budget in BUDGETS)
    print(f"{'refused at a budget of':36} {'n':>5} {budgets}  as (at {100 * BUDGET:g} %)")


def _row(kind: str, looked: Looked, gates: dict[float, FittedGate]) -> dict[float, float]:
    shares, codes = {}, Counter[str]()
    for budget, fitted in gates.items():
        refused, own = looked.refused(fitted)
        shares[budget] = float(refused.mean())
        if budget == BUDGET:
            codes = own
    listed = ", ".join(f"{code.removeprefix('gate/')} {n}" for code, n in codes.most_common(4))
    _line(kind, shares, len(looked.measures), listed)
    return shares


def _line(kind: str, shares: dict[float, float], n: int, words: str) -> None:
    cells = " ".join(f"{100 * share:6.1f}%" for share in shares.values())
    print(f"{kind:36} {n:5} {cells}  {words}", flush=True)


def report_damaged() -> None:
    """Print what becomes of damaged files: image errors, no matter of the gate."""
    good = io.BytesIO()
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(good, format="PNG")
    data = good.getvalue()
    broken = {
        "0 bytes": b"",
        "half a PNG": data[: len(data) // 2],
        "text": b"no film" * 40,
        "the head of a PNG alone": data[:8],
        "the head of DICOM alone": bytes(128) + b"DICM",
    }
    print("\ndamaged files (image errors, before any gate)")
    for kind, content in broken.items():
        try:
            read_radiograph_bytes(content, name=kind)
            print(f"{kind:36} read as a film")
        except ImageError as error:
            print(f"{kind:36} {error.image_code}")


def report_time(run: Run, fitted: FittedGate) -> None:
    """Print what the gate costs beside the network, for a film of 640 x 640."""
    classifier = load_classifier(run.folder, threads=1)
    reference = GateReference.from_bytes(fitted.data)
    pixels = np.asarray(_grey(np.random.default_rng(1).random((640, 640))), np.float32) / 255
    film = Radiograph(
        pixels=pixels, path=Path("made.png"), sha256="", file_format="PNG", colour_mode="L"
    )
    features = classifier.features(classifier.prepare(film)[None])
    times = []
    for _ in range(50):
        start = time.process_time()
        reference.measured([measure(film)], features)
        times.append(1000 * (time.process_time() - start))
    print(f"\nthe gate beside the network, 640 x 640, one core: {np.median(times):.2f} ms a film")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, help="kept from run to run; else a temporary folder")
    parser.add_argument("--run", nargs=2, type=Path, action="append", metavar=("RUN", "DATA"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = args.cache or Path(temporary)
        pictures = other_pictures()
        runs = [(Run.open(run), data) for run, data in args.run or []]
        runs = runs or [(trained(args.data / name, cache), args.data / name) for name in TRAINED_ON]
        fitted = [report(run, data, args, pictures) for run, data in runs]
        report_damaged()
        report_time(runs[0][0], fitted[0])


if __name__ == "__main__":
    main()
