"""`carina predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.answer_options import (
    PATH_HELP,
    ClassOption,
    MethodOption,
    PrecisionOption,
    RuntimeOption,
)
from carina.cli.cluster_options import ClusterOption, WorkersOption, settings_with
from carina.cli.terminal import (
    SKIPPED,
    ClassifierArgument,
    JsonFlag,
    drawing,
    note,
    note_about,
    note_by_sentence,
    note_unreadable,
    show,
    show_json,
    show_table,
)
from carina.errors import UsageError

if TYPE_CHECKING:
    from carina.workflows.predictions import AnswerCounts, Predictions

_FEW = 40  # films whose answers are still read one by one where a file holds them, too


def predict(
    classifier: ClassifierArgument,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help=PATH_HELP, show_default=False),
    ] = None,
    *,
    csv: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File for the answers as CSV. It grows as they come; the same command again "
            "goes on where it stopped.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder for heat maps (PNG), one for each film.",
            show_default=False,
        ),
    ] = None,
    label: ClassOption = None,
    method: MethodOption = None,
    fhir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder for a FHIR DiagnosticReport (JSON) for each film.",
            show_default=False,
        ),
    ] = None,
    dicom: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder for DICOM answers (extra dicom) to films that came as DICOM: the heat "
            "map as Secondary Capture, and a structured report.",
            show_default=False,
        ),
    ] = None,
    with_patient: Annotated[
        bool,
        typer.Option(
            "--with-patient",
            help="Let DICOM answers name the patient, so that an archive can file them.",
        ),
    ] = False,
    watch: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Answer films as they arrive in a folder, until Ctrl-C or SIGTERM; a line for "
            "each, with --json one JSON document.",
            show_default=False,
        ),
    ] = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "f32",
    workers: WorkersOption = 1,
    cluster: ClusterOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Answer for films: class, probabilities, cautions.

    Exits 3 if some files could not be read, 2 if none could. A watch ends with 0.
    """
    if watch is not None:
        if paths:
            raise UsageError("name films and folders, or --watch DIR, not both")
        if workers > 1:
            raise UsageError("--watch answers films one by one, without --workers")
        from carina.cli.watching import watch_folder
        from carina.workflows.answer_files import WantedFiles

        wanted = WantedFiles.of(
            explain=explain, label=label, method=method, fhir=fhir, dicom=dicom,
            with_patient=with_patient,
        )  # fmt: skip
        return watch_folder(
            classifier, watch, wanted=wanted, csv=csv, runtime=runtime, precision=precision,
            as_json=as_json,
        )  # fmt: skip
    if not paths:
        raise UsageError("no film was named: give films, folders of films, or --watch DIR")
    from carina.workflows.predict import predict as run

    with drawing(as_json=as_json) as progress:
        result = run(
            classifier, paths, explain=explain, csv=csv, label=label, method=method,
            fhir=fhir, dicom=dicom, with_patient=with_patient, runtime=runtime,
            precision=precision, workers=workers, settings=settings_with(cluster, workers=workers),
            progress=progress,
        )  # fmt: skip
    if as_json:
        show_json(result.as_values())
    else:
        _show(result)
    note_unreadable(result.unreadable)
    return SKIPPED if result.n_skipped else 0


def _show(result: Predictions) -> None:
    """Print each film's answer, or, where they are many and stand in a file, their counts."""
    is_counted = result.csv is not None and result.counts.n_read > _FEW
    if is_counted:
        _show_counts(result.counts)
    else:
        _show_answers(result)
    if result.csv is not None:
        n_read = result.counts.n_read
        show(f"the answers on {n_read:,} {'film' if n_read == 1 else 'films'}: {result.csv}")
    for written in result.written:
        show(written.in_words)
    for sentence in result.rule_told:
        note(sentence)
    note_about(result.card.cautions)
    note(result.caveat)


def _show_answers(result: Predictions) -> None:
    names = result.card.labels.names
    answers = result.answers
    show_table(
        ("film", "answer", *names),
        [
            (
                answer.path,
                answer.decision or "abstains",
                *(f"{answer.probabilities[name]:.4f}" for name in names),
            )
            for answer in answers
        ],
        left=("answer",),
    )
    note_by_sentence(
        [
            (answer.path, sentence)
            for answer in answers
            for sentence in (answer.reason, *answer.cautions)
            if sentence
        ]
    )


def _show_counts(counts: AnswerCounts) -> None:
    why = "why (of the first such film)"
    rows = [(name, f"{n:,}", "") for name, n in counts.decided.items()]
    rows += [
        ("abstains", f"{n:,}", f"{code}: {counts.because[code]}")
        for code, n in counts.abstained.items()
    ]
    columns = ("answer", "films", why) if counts.abstained else ("answer", "films")
    show_table(columns, [row[: len(columns)] for row in rows], left=(why,))
