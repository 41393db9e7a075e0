"""A noise study -> its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from carina.domain.denoise_study import (
    DenoiseStudy,
    FilterFigures,
    FilterTrainings,
    TrainedFigures,
)
from carina.domain.estimate import Estimate
from carina.domain.input_spec import DenoiseName
from carina.domain.report import (
    Block,
    Facts,
    Gallery,
    KeyFigure,
    KeyFigures,
    Notice,
    Paragraph,
    Picture,
    Report,
    Section,
    Table,
)
from carina.domain.sentences import counted, sentence
from carina.reporting.wording import name_then_numbers

DIFFERENCE_GAIN = 10
"""How many times stronger than it is a difference picture shows a difference."""

_GAP = "–"


@dataclass(frozen=True, slots=True)
class ComparedCrop:
    """One place of one film after every filter.

    Attributes:
        title: what it shows.
        crops: filter -> PNG of the place.
        differences: filter -> PNG of what differs from the film without noise,
            `DIFFERENCE_GAIN` times as strong; mid-grey where nothing does.
    """

    title: str
    crops: Mapping[DenoiseName, bytes]
    differences: Mapping[DenoiseName, bytes]


def build_denoise_report(study: DenoiseStudy, pictures: Sequence[ComparedCrop]) -> Report:
    """Return the page of a noise study.

    Args:
        study: what was found.
        pictures: places to be looked at.
    """
    return Report(
        title=f"Noise reduction: {study.data}",
        subtitle="What it changes, what it removes, what it costs, and whether it helps, "
        f"by Carina {study.carina_version}",
        sections=(
            _recommendation(study),
            _pictures(study, pictures),
            _on_films(study),
            _added_noise(study),
            _lesions(study),
            _auc(study),
            _how(study),
        ),
    )


def _recommendation(study: DenoiseStudy) -> Section:
    taken = study.recommendation
    value = "none" if taken.filter == "none" else f"input.denoise={taken.filter}"
    blocks: list[Block] = [
        KeyFigures((KeyFigure("Recommended noise filter", value),)),
        *(Paragraph(reason) for reason in taken.reasons),
        Paragraph(f"The rule, set before the figures were known: {_lower_first(taken.rule)}"),
        Table(
            columns=("Filter", "By the rule", "What speaks against it"),
            rows=tuple(
                (
                    study.filters[name].title,
                    "meets it" if verdict.recommended else "does not meet it",
                    sentence("; ".join(verdict.against)) if verdict.against else "nothing",
                )
                for name, verdict in taken.verdicts.items()
            ),
            caption="What the rule says of each filter",
        ),
    ]
    return Section("recommendation", "Recommendation", tuple(blocks))


def _pictures(study: DenoiseStudy, pictures: Sequence[ComparedCrop]) -> Section:
    blocks: list[Block] = [
        Paragraph(
            "Each crop is shown pixel by pixel as the network would see it. Below it stands what "
            f"the filter changed, {DIFFERENCE_GAIN} times as strong: mid-grey is no change. "
            "Shapes of ribs, vessels or a lesion in a difference are film that was lost; even "
            "grain is noise that was removed. Where noise was added, the difference is that to "
            "the film before it: what is left of the noise, and what was lost with it."
        )
    ]
    for one in pictures:
        crops = [
            Picture(png, "image/png", alt=f"{one.title}: {_title(study, name)}",
                    caption=_title(study, name))
            for name, png in one.crops.items()
        ]  # fmt: skip
        differences = [
            Picture(png, "image/png", alt=f"{one.title}: what {_title(study, name)} changed",
                    caption="difference")
            for name, png in one.differences.items()
        ]  # fmt: skip
        blocks.append(Gallery((*crops, *differences), title=one.title, wide=True))
    return Section("pictures", "To be looked at", tuple(blocks))


def _on_films(study: DenoiseStudy) -> Section:
    noise = study.film_noise.value or 0.0
    unchanged = [
        f"{own.title.lower()} gave back {counted(own.n_films_without_noise, 'film')} unchanged"
        for own in study.filters.values()
        if own.n_films_without_noise
    ]
    blocks: list[Block] = [
        Paragraph(
            f"{counted(study.n_films, 'film')} of {study.n_available:,}, drawn at random, on the "
            f"network's grid of {study.input.width} x {study.input.height} pixels. Each filtered "
            "film is held against the film itself: the further from it, the more was taken, "
            "whether noise or not. Higher is closer. Bilateral, non-local means and wavelet "
            "filters go by the noise that they find in each film: here a deviation of "
            f"{100 * noise:.2f} % of the grey range on average."
        ),
        _table(
            study,
            "What each filter changes in the films as they are (95 % intervals over films)",
            {
                "PSNR, dB": lambda own: _cell(own.psnr_db, "{:.1f}", none="no change"),
                "SSIM": lambda own: _cell(own.ssim, "{:.4f}"),
                "Fine edges kept": lambda own: _cell(own.fine_edges_kept, "{:.1f} %", 100),
                "Time per film, ms": lambda own: _cell(own.milliseconds, "{:.1f}"),
            },
        ),
    ]
    if unchanged:
        blocks.append(Paragraph(sentence(f"Without any noise to be found, {'; '.join(unchanged)}")))
    return Section("films", "What each filter changes in real films", tuple(blocks))


def _added_noise(study: DenoiseStudy) -> Section:
    blocks: tuple[Block, ...] = (
        Paragraph(
            f"To the same films noise was added: {study.added_noise}. Each filtered noisy film is "
            "held against the film before the noise. The first row is the noisy film itself. A "
            "filter that works brings it nearer; one that takes more film than noise moves it "
            "away, below 0 dB."
        ),
        _table(
            study,
            "How much of a known noise each filter removes (95 % intervals over films)",
            {
                "PSNR, dB": lambda own: _cell(own.noisy_psnr_db, "{:.1f}"),
                "Gained, dB": lambda own: _cell(own.noise_removed_db, "{:+.1f}"),
                "SSIM": lambda own: _cell(own.noisy_ssim, "{:.3f}"),
            },
        ),
    )
    return Section("added-noise", "What each filter removes of added noise", blocks)


def _lesions(study: DenoiseStudy) -> Section:
    blocks: tuple[Block, ...] = (
        Paragraph(
            f"{counted(study.n_phantoms, 'phantom')} were each drawn twice, with a lesion (lobar "
            "consolidation or ground glass) and without, alike in all else. The contrast is the "
            "mean grey that the lesion adds to its place; contrast-to-noise (CNR) divides it by "
            "the grain of the healthy lung. Any smoothing raises CNR, for it counts pixels one by "
            "one while a reader or a network takes in many at once: it says how the film looks, "
            "not that more lesions are found (Burgess 1999)."
        ),
        _table(
            study,
            "Known lesions after each filter (95 % intervals over phantoms)",
            {
                "Contrast kept": lambda own: _cell(own.contrast_kept, "{:.1f} %", 100),
                "CNR, as drawn": lambda own: _cell(own.cnr, "{:.2f}"),
                "CNR, noise added": lambda own: _cell(own.noisy_cnr, "{:.2f}"),
            },
        ),
    )
    return Section("lesions", "Known lesions", blocks)


def _auc(study: DenoiseStudy) -> Section:
    title = "What each filter does to a classifier"
    trainings = study.trainings
    if trainings is None:
        left_out = f"No classifier was trained: {study.trainings_left_out}"
        return Section("auc", title, (Notice("note", sentence(left_out)),))
    rows = [
        _trained_row(study.filters[name].title, trained)
        for name, trained in trainings.filters.items()
    ]
    if trainings.reseeded:
        rows.append(_trained_row("None, another seed", trainings.reseeded))
    return Section(
        "auc",
        title,
        (
            Paragraph(_trained_in_words(trainings)),
            Table(
                columns=("Filter", "Test AUC", "Change", "Epoch chosen"),
                rows=tuple(rows),
                caption="Test AUC, macro average, with 95 % intervals; changes are paired",
                align=name_then_numbers(3),
            ),
            *(Notice("note", sentence(note)) for note in trainings.notes),
        ),
    )


def _trained_in_words(trainings: FilterTrainings) -> str:
    return (
        f"{trainings.architecture} by the recipe {trainings.recipe}, "
        f"{counted(trainings.epochs, 'epoch')}, on {trainings.n_train:,} films "
        f"({trainings.n_validation:,} for validation), tested on {trainings.n_test:,}; the filter "
        "stands in the input, so that training and test films pass it alike. All have the seed "
        f"{trainings.seed} and the same split; the last row has another seed and no filter: a "
        "change of that size is chance. Of five filters that do nothing, some interval lies above "
        "0 by luck in about one study of eight."
    )


def _trained_row(title: str, trained: TrainedFigures) -> tuple[str, ...]:
    change = _cell(trained.change, "{:+.3f}") if trained.change else _GAP
    return (title, _cell(trained.auc, "{:.3f}"), change, str(trained.epoch or _GAP))


def _how(study: DenoiseStudy) -> Section:
    pairs = [(own.title, own.parameters) for name, own in study.filters.items() if name != "none"]
    pairs += [
        ("Where", "on the network's grid, after resizing, before padding and mask; all lengths "
         "are pixels of that grid"),
        ("PSNR", "10 log10(1 / mean squared difference over all films): 40 dB is a typical "
         "difference of 1 % of the grey range"),
        ("SSIM", "structural similarity, Gaussian window of sigma 1.5 pixels (Wang et al. 2004)"),
        ("Fine edges", "mean square of what a Gaussian of 1 pixel takes off (Burt & Adelson 1983), "
         "on the tenth of the pixels that are steepest after one (Canny 1986); grain on an edge "
         "counts as edge"),
        ("CNR", "lesion's contrast over the deviation of healthy lung about its local mean, a "
         "Gaussian of 2 pixels (Bushberg et al. 2012)"),
        ("Intervals", "bootstrap over patients (films where patients are unknown) or phantoms, "
         "corrected for bias and skew"),
        ("Seed", str(study.seed)),
    ]  # fmt: skip
    cautions = (Notice("warning", caution) for caution in study.cautions)
    notes = (Paragraph(sentence(note)) for note in study.notes)
    return Section(
        "how", "How it was measured, and its limits", (*cautions, Facts(tuple(pairs)), *notes)
    )


def _table(
    study: DenoiseStudy, caption: str, columns: Mapping[str, Callable[[FilterFigures], str]]
) -> Table:
    return Table(
        columns=("Filter", *columns),
        rows=tuple(
            (own.title, *(write(own) for write in columns.values()))
            for own in study.filters.values()
        ),
        caption=caption,
        align=name_then_numbers(len(columns)),
    )


def _cell(estimate: Estimate, form: str, factor: float = 1.0, *, none: str = _GAP) -> str:
    """Return a value with its interval below it.

    >>> _cell(Estimate(value=0.5, low=0.25, high=0.75, n=4, method="made"), "{:.1f} %", 100)
    '50.0 %\\n25.0 to 75.0 %'
    """
    if estimate.value is None:
        return none
    value = form.format(factor * estimate.value)
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return value
    low, high = (form.format(factor * end) for end in (estimate.low, estimate.high))
    return f"{value}\n{low.removesuffix(' %')} to {high}"


def _title(study: DenoiseStudy, name: DenoiseName) -> str:
    return study.filters[name].title


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
