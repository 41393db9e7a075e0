"""One film has one answer: through the training's code, Python, the command line and REST, by
every runtime, and whatever kind of file it comes in."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training's code needs the extra 'train'")
pytest.importorskip("openvino", reason="one of the runtimes is not installed")
pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from PIL import Image
from pydicom.uid import ImplicitVRLittleEndian
from starlette.testclient import TestClient

from carina.data.scan import scan_films
from carina.domain.calibration import Calibration
from carina.domain.input_spec import InputSpec
from carina.domain.record import Record
from carina.imaging import read_radiograph
from carina.inference.bundle import load_classifier, save_classifier
from carina.models.export import export_network
from carina.training.films import FilmPart
from carina.training.scoring import torch_logits
from carina.web import create_app
from making.classifiers import write_tiny_classifier
from making.datasets import dataset_of
from making.dicom_files import dicom_bytes, dicom_dataset
from making.rasters import encoded
from making.training_films import small_network
from making.uploads import grey_levels

# The most that one film's probabilities may differ; f32 keeps seven digits, and the networks
# add in different orders.
TOLERANCE = 1e-5
SPEC = InputSpec(height=48, width=40, channels=3)
LABELS = ("COVID-19", "Normal", "Pneumonia")
# A small untrained network is unsure of everything; so sharp, its answers tell films apart.
SHARPER = Calibration(method="temperature", temperature=0.02)


def palette(levels):
    return Image.fromarray(levels).convert("P", palette=Image.Palette.ADAPTIVE)


def coloured(levels):
    return np.stack([levels, levels // 2, 255 - levels], axis=2)


def half_transparent(levels):
    image = Image.fromarray(levels).convert("LA")
    image.putalpha(Image.fromarray(np.flipud(levels)))
    return image


def dicom_12_bit(levels):
    return dicom_bytes(dicom_dataset(levels.astype(np.uint16) * 16, bits=12))


def dicom_inverted(levels):
    stored = 65535 - levels.astype(np.uint16) * 257
    dataset = dicom_dataset(stored, bits=16, photometric="MONOCHROME1")
    return dicom_bytes(dataset, syntax=ImplicitVRLittleEndian)


KINDS = {
    "JPEG grey": (".jpg", lambda levels: encoded(levels, "JPEG")),
    "JPEG RGB": (".jpeg", lambda levels: encoded(coloured(levels), "JPEG")),
    "PNG 8 bit": (".png", lambda levels: encoded(levels, "PNG")),
    "PNG 16 bit": (".png", lambda levels: encoded(levels.astype(np.uint16) * 250, "PNG")),
    "PNG palette": (".png", lambda levels: encoded(palette(levels), "PNG")),
    "PNG alpha": (".png", lambda levels: encoded(half_transparent(levels), "PNG")),
    "PNG 1 bit": (".png", lambda levels: encoded(levels, "PNG", mode="1")),
    "TIFF 8 bit": (".tif", lambda levels: encoded(levels, "TIFF")),
    "TIFF 16 bit": (".tiff", lambda levels: encoded(levels.astype(np.uint16) * 200, "TIFF")),
    "BMP": (".bmp", lambda levels: encoded(levels, "BMP")),
    "DICOM MONOCHROME2, 12 bit": (".dcm", dicom_12_bit),
    "DICOM MONOCHROME1, 16 bit": (".dcm", dicom_inverted),
}
# A member is no file, so nobody can upload it.
MEMBER = "NPZ member"


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Each kind's film: another picture for every kind."""
    folder, found = tmp_path_factory.mktemp("films"), {}
    for number, (kind, (suffix, written)) in enumerate(KINDS.items()):
        found[kind] = folder / f"film{number}{suffix}"
        found[kind].write_bytes(written(grey_levels(96, 80 + number, seed=number)))
    np.savez(folder / "some.npz", train_images=np.stack([grey_levels(seed=s) for s in (50, 51)]))
    return {**found, MEMBER: folder / "some.npz!" / "train_images" / "1"}


@pytest.fixture(scope="module")
def network():
    return small_network(len(LABELS), spec=SPEC, filters=(16, 32)).eval()


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    """The network as the classifier that is deployed."""
    place = tmp_path_factory.mktemp("classifier")
    tiny = load_classifier(write_tiny_classifier(place / "tiny", labels=LABELS, spec=SPEC))
    exported = export_network(network, SPEC)
    save_classifier(
        place / "own",
        tiny.card.model_copy(update={"calibration": SHARPER}),
        network=exported.network,
        heads=exported.heads,
        seen=[],
        readme="",
    )
    return place / "own"


def by_training(network, films, cache_dir):
    """Return each film's probabilities as the training's code makes them."""
    dataset = dataset_of(
        [
            Record(path=film.name, source="made", file=film, label="Normal")
            for film in films.values()
        ]
    )
    scan = scan_films(dataset, spec=SPEC, cache_dir=cache_dir)
    keys = tuple(record.key for record in dataset.records)
    part = FilmPart(keys, np.zeros(len(keys), dtype=np.int64), scan.pixels.levels)
    return dict(zip(films, SHARPER.apply(torch_logits(network, part)), strict=True))


def by_python(folder, films, runtime):
    classifier = load_classifier(folder, runtime=runtime)
    found = [classifier.predict(read_radiograph(film)) for film in films.values()]
    return dict(zip(films, map(values_of, found), strict=True))


def by_command(carina_command, folder, films, runtime):
    code, out, _ = carina_command(
        "predict", folder, *films.values(), "--runtime", runtime, "--json"
    )
    assert code == 0
    found = {Path(p["path"]): p["probabilities"] for p in json.loads(out)["predictions"]}
    return {kind: [found[film][name] for name in LABELS] for kind, film in films.items()}


def by_rest(folder, films, settings, runtime):
    found = {}
    with TestClient(create_app(load_classifier(folder, runtime=runtime), settings)) as client:
        for kind, film in films.items():
            if kind != MEMBER:
                content = {"file": (film.name, film.read_bytes())}
                (answer,) = client.post("/v1/predict", files=content).json()["predictions"]
                found[kind] = [answer["probabilities"][name] for name in LABELS]
    return found


def values_of(prediction):
    return [prediction.probabilities[name] for name in LABELS]


def as_table(ways):
    """Return every way's probability of the first class, a line for each kind of file."""
    kinds = next(iter(ways.values()))
    lines = ["", "".join(f"{name:>22}" for name in ("", *ways))]
    for kind in kinds:
        cells = (f"{found[kind][0]:>22.8f}" if kind in found else f"{'-':>22}"
                 for found in ways.values())  # fmt: skip
        lines.append(f"{kind:<26}{''.join(cells)}")
    return "\n".join(lines)


def test_a_film_has_the_same_probabilities_by_every_way_and_runtime(
    network, folder, films, settings, carina_command
):
    ways = {"training": by_training(network, films, settings.cache_dir)}
    for runtime in ("onnxruntime", "openvino"):
        ways |= {
            f"Python {runtime}": by_python(folder, films, runtime),
            f"command {runtime}": by_command(carina_command, folder, films, runtime),
            f"REST {runtime}": by_rest(folder, films, settings, runtime),
        }
    reference = ways["training"]
    told_apart = np.array([reference[kind] for kind in films])
    assert np.abs(told_apart - told_apart[0]).max(axis=1)[1:].min() > 100 * TOLERANCE
    worst = max(
        np.abs(np.array(found[kind]) - reference[kind]).max()
        for found in ways.values()
        for kind in found
    )
    assert worst <= TOLERANCE, as_table(ways)
