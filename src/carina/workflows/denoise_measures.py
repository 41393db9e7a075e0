"""The picture measures of a noise study: a sample of real films, and phantoms with lesions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.data import open_dataset
from carina.data.patients import load_patient_key
from carina.domain.audit import Unreadable
from carina.domain.dataset import Dataset
from carina.domain.denoise_study import FilterFigures
from carina.domain.estimate import Estimate
from carina.domain.input_spec import DenoiseName
from carina.domain.progress import Progress, Step
from carina.domain.recipe import EvaluateSection, Recipe
from carina.domain.record import Record
from carina.errors import DatasetError
from carina.evaluation.film_means import mean_over_films, of_means
from carina.imaging.denoise import FILTERS, denoised
from carina.imaging.noise import with_quantum_noise
from carina.imaging.picture_quality import psnr_db
from carina.imaging.pictures import pixels_png
from carina.imaging.prepare import fitted_film
from carina.reporting.denoise_page import DIFFERENCE_GAIN, ComparedCrop
from carina.settings import Settings
from carina.workflows.denoise_pictures import (
    FILTER_NAMES,
    LESIONS,
    FilmMeasures,
    LesionMeasures,
    PhantomPair,
    film_measures,
    film_noise,
    lesion_measures,
    phantom_pairs,
)
from carina.workflows.reading import read_batches

Pixels = NDArray[np.float32]
Floats = NDArray[np.float64]

_CROP_PX, _ZOOM = 80, 3
# Where the lung at the picture's left lies on an upright frontal film: row and column.
_LUNG = (0.45, 0.30)
_N_SHOWN = 2


@dataclass(frozen=True, slots=True, eq=False)
class FilmStudy:
    """What the filters did to a sample of the real films.

    Attributes:
        data: the data set, in words.
        rows: filter -> what it did, for each film.
        noise: float64 `[n]`, each film's own noise.
        patients: each film's patient, or None.
        n_available: films that the sample was drawn from.
        unreadable: files of the sample that are no films.
        pictures: some films to be looked at.
        notes: sentences on how the data was opened.
    """

    data: str
    rows: tuple[Mapping[DenoiseName, FilmMeasures], ...]
    noise: Floats
    patients: tuple[str | None, ...]
    n_available: int
    unreadable: tuple[Unreadable, ...]
    pictures: tuple[ComparedCrop, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhantomStudy:
    """What the filters did to lesions of phantoms.

    Attributes:
        rows: filter -> what it did, for each phantom.
        pictures: one phantom to be looked at, as drawn and with added noise.
    """

    rows: tuple[Mapping[DenoiseName, LesionMeasures], ...]
    pictures: tuple[ComparedCrop, ...]


def measure_films(
    sources: Sequence[str | Path],
    recipe: Recipe,
    *,
    n_films: int,
    settings: Settings,
    progress: Progress,
) -> FilmStudy:
    """Return what each filter does to a sample of the real films.

    Raises:
        DatasetError: if the data cannot be opened, or no film of the sample can be read.
    """
    key = load_patient_key(settings.config_dir, given=settings.patient_key)
    dataset = open_dataset(sources, labels=recipe.labels, patient_key=key)
    sample = _sample(dataset, n_films, seed=recipe.train.seed)
    unreadable: list[Unreadable] = []
    records: list[Record] = []
    rows: list[Mapping[DenoiseName, FilmMeasures]] = []
    noise: list[float] = []
    shown: dict[str | None, ComparedCrop] = {}
    _warm_up()
    for batch, films in read_batches(
        ((record, record.file, dataset.name_of(record)) for record in sample), unreadable
    ):
        for record, radiograph in zip(batch, films, strict=True):
            film = fitted_film(radiograph, recipe.input)
            # the film's own bytes seed its noise: it does not depend on the rest of the sample
            rng = np.random.default_rng([recipe.train.seed, int(radiograph.sha256[:12], 16)])
            rows.append(film_measures(film, rng=rng))
            noise.append(film_noise(film))
            records.append(record)
            if record.label not in shown and len(shown) < _N_SHOWN:
                shown[record.label] = _film_crop(film, record)
            progress(Step("measuring films", len(rows) + len(unreadable), len(sample)))
    if not rows:
        raise DatasetError(
            f"none of the {len(sample)} files of the sample can be read as a film: "
            f"{unreadable[0].message if unreadable else 'there is none'}"
        )
    return FilmStudy(
        data=" + ".join(source.name for source in dataset.sources),
        rows=tuple(rows),
        noise=np.array(noise),
        patients=tuple(record.patient for record in records),
        n_available=len(dataset.records),
        unreadable=tuple(unreadable),
        pictures=tuple(shown.values()),
        notes=(*dataset.notes, *(out.sentence for out in dataset.left_out)),
    )


def measure_phantoms(n_phantoms: int, recipe: Recipe, *, progress: Progress) -> PhantomStudy:
    """Return what each filter does to the lesions of phantoms on the recipe's grid."""
    seed = recipe.train.seed
    pairs = phantom_pairs(n_phantoms, recipe.input, seed=seed, progress=progress)
    rows = []
    for number, pair in enumerate(pairs):
        rows.append(lesion_measures(pair, rng=np.random.default_rng([seed, number])))
        progress(Step("measuring lesions", number + 1, len(pairs)))
    pictures = _phantom_crops(pairs[-1], seed=seed) if pairs else ()
    return PhantomStudy(tuple(rows), pictures)


def filter_figures(
    seen: FilmStudy, drawn: PhantomStudy, section: EvaluateSection
) -> dict[DenoiseName, FilterFigures]:
    """Return what each filter does, with intervals over films."""
    return {
        name: _figures(
            name,
            [row[name] for row in seen.rows],
            [row[name] for row in drawn.rows],
            section=section,
            patients=seen.patients,
        )
        for name in FILTER_NAMES
    }


def _figures(
    name: DenoiseName,
    films: Sequence[FilmMeasures],
    lesions: Sequence[LesionMeasures],
    *,
    section: EvaluateSection,
    patients: Sequence[str | None],
) -> FilterFigures:
    def mean(value_of: Callable[[FilmMeasures], float]) -> Estimate:
        values = np.array([value_of(film) for film in films], dtype=np.float64)
        return mean_over_films(values, patients=patients)

    def lesion_mean(value_of: Callable[[LesionMeasures], float]) -> Estimate:
        values = np.array([value_of(lesion) for lesion in lesions], dtype=np.float64)
        return mean_over_films(values, patients=[None] * len(lesions))

    def decibels(value_of: Callable[[FilmMeasures], float]) -> Estimate:
        values = np.array([[value_of(film)] for film in films], dtype=np.float64)
        return of_means(
            values, lambda means: psnr_db(means[:, 0]), section=section, patients=patients
        )

    errors = np.array([[f.noisy_squared_error, f.unfiltered_squared_error] for f in films])
    part = FILTERS.get(name) if name != "none" else None
    return FilterFigures(
        title=part.title if part else "None",
        parameters=part.parameters if part else "the film as it is",
        psnr_db=decibels(lambda film: film.squared_error),
        ssim=mean(lambda film: film.ssim),
        fine_edges_kept=mean(lambda film: film.fine_edges_kept),
        noisy_psnr_db=decibels(lambda film: film.noisy_squared_error),
        noisy_ssim=mean(lambda film: film.noisy_ssim),
        noise_removed_db=of_means(
            errors,
            lambda means: psnr_db(means[:, 0]) - psnr_db(means[:, 1]),
            section=section,
            patients=patients,
        ),
        contrast_kept=lesion_mean(lambda lesion: lesion.contrast_kept),
        cnr=lesion_mean(lambda lesion: lesion.cnr),
        noisy_cnr=lesion_mean(lambda lesion: lesion.noisy_cnr),
        milliseconds=mean(lambda film: film.milliseconds),
        n_films_without_noise=sum(film.unchanged for film in films) if part else 0,
    )


def _sample(dataset: Dataset, n_films: int, *, seed: int) -> list[Record]:
    """Return some records, drawn alike whatever order they came in."""
    records = sorted(dataset.records, key=lambda record: record.key)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(records), size=min(n_films, len(records)), replace=False)
    return [records[index] for index in sorted(chosen)]


def _warm_up() -> None:
    """Let every filter import what it needs, so that no film's time holds that."""
    for name in FILTER_NAMES:
        denoised(np.random.default_rng(0).random((32, 32), dtype=np.float32), name)


def _film_crop(film: Pixels, record: Record) -> ComparedCrop:
    place = _window(film.shape, _LUNG[0] * film.shape[0], _LUNG[1] * film.shape[1])
    label = f"labelled {record.label}" if record.label else "without a label"
    return _crops(f"A real film, {label}", film, film, place)


def _phantom_crops(pair: PhantomPair, *, seed: int) -> tuple[ComparedCrop, ...]:
    rows, columns = np.nonzero(pair.lesion)
    # the middle of lesions in both lungs lies between them, so the nearest place with one
    nearest = np.argmin((rows - np.median(rows)) ** 2 + (columns - np.median(columns)) ** 2)
    place = _window(pair.lesion.shape, float(rows[nearest]), float(columns[nearest]))
    film = pair.with_lesion
    noisy = with_quantum_noise(film, rng=np.random.default_rng(seed))
    title = f"A phantom with {LESIONS[pair.finding]}"
    return (
        _crops(f"{title}, as drawn", film, film, place),
        _crops(f"{title}, with added noise", noisy, film, place),
    )


def _crops(title: str, shown: Pixels, truth: Pixels, place: tuple[slice, slice]) -> ComparedCrop:
    """Return one place after every filter, and how it differs from the film without noise."""
    filtered = {name: denoised(shown, name) for name in FILTER_NAMES}
    return ComparedCrop(
        title=title,
        crops={name: _zoomed(picture[place]) for name, picture in filtered.items()},
        differences={
            name: _zoomed((0.5 + DIFFERENCE_GAIN * (picture - truth)[place]).clip(0, 1))
            for name, picture in filtered.items()
        },
    )


def _window(shape: tuple[int, ...], row: float, column: float) -> tuple[slice, slice]:
    """Return the crop about a place, moved inside the film."""
    spans = []
    for size, middle in zip(shape, (row, column), strict=True):
        side = min(_CROP_PX, size)
        start = min(max(round(middle - side / 2), 0), size - side)
        spans.append(slice(start, start + side))
    return spans[0], spans[1]


def _zoomed(pixels: Pixels) -> bytes:
    return pixels_png(np.repeat(np.repeat(pixels, _ZOOM, axis=0), _ZOOM, axis=1))
