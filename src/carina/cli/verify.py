"""`carina verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import FOUND, SKIPPED, JsonFlag, drawing, note, show, show_json, show_table

if TYPE_CHECKING:
    from carina.domain.verification import Verification

_MOST = 20


def verify(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run's folder, a file that carina package made, or a classifier's folder.",
            show_default=False,
        ),
    ],
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help="Where the films are now, if not where the run read them.",
            show_default=False,
        ),
    ] = None,
    *,
    signer: Annotated[
        list[str] | None,
        typer.Option(
            "--signer",
            metavar="KEY",
            help="Demand that this key has signed the classifier: a public key's file, a folder "
            "of such files, or a fingerprint (SHA256:...); may be repeated.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Check every file, answer and number of a run; 4 if something differs, 3 if films are gone."""
    from carina.workflows.verify import verify as check

    with drawing(as_json=as_json) as progress:
        found = check(run, data or (), signers=signer or (), progress=progress)
    if as_json:
        show_json({"is_same": found.is_same, **found.model_dump(mode="json")})
    else:
        _show(found)
    if not found.is_same:
        return FOUND
    return SKIPPED if found.films.n_skipped else 0


def _show(found: Verification) -> None:
    rows = [(one.where, one.what, one.outcome, one.sentence) for one in found.checks]
    show_table(
        ("where", "what", "outcome", ""), rows, title=f"{found.kind.capitalize()}: {found.name}",
        left=("what", "outcome", ""),
    )  # fmt: skip
    for one in found.differences[:_MOST]:
        show(f"different: {one.where}: {_told(one.recorded, one.found)}")
    if len(found.differences) > _MOST:
        show(f"... and {len(found.differences) - _MOST:,} more (--json has them all)")
    _note_films(found)
    show(found.in_words)


def _told(recorded: str, now: str) -> str:
    if recorded and now:
        return f"recorded {recorded}, found {now}"
    return f"recorded {recorded}" if recorded else now


def _note_films(found: Verification) -> None:
    """Print on stderr which films were skipped, and why."""
    for keys, said in (
        (found.films.missing, "not found"),
        (found.films.changed, "found with other bytes"),
        (found.films.unreadable, "cannot be read here"),
    ):
        if keys:
            more = f" and {len(keys) - _MOST:,} more" if len(keys) > _MOST else ""
            note(f"films {said}: {len(keys):,}: {', '.join(keys[:_MOST])}{more}")
