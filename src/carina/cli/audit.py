"""`carina audit`."""

from typing import Annotated

import typer

from carina.cli.terminal import (
    FOUND,
    SKIPPED,
    DataArgument,
    JsonFlag,
    OutOption,
    SetOption,
    drawing,
    note,
    note_unreadable,
    show_findings,
    show_json,
    show_table,
)


def audit(
    data: DataArgument,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 4 on a critical finding.")] = False,
    set_: SetOption = None,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Say what is in the data, and what is wrong with it.

    Writes audit.json and audit.html.
    """
    from carina.workflows.audit import audit as run

    with drawing(as_json=as_json) as progress:
        result = run(data, set=set_ or (), out=out, progress=progress)
    found = result.audit
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        classes = sorted({name for counts in found.images.values() for name in counts})
        show_table(
            ("part", *classes),
            [
                (part, *(str(counts.get(name, 0)) for name in classes))
                for part, counts in found.images.items()
            ],
        )
        show_findings([f for f in found.findings if f.about != "left-out"], most=8)
        for sentence in result.notes:
            note(f"note: {sentence}")
        note(f"not checked: {'; '.join(found.not_checked)}") if found.not_checked else None
        note(f"written: {result.folder / 'audit.html'}")
    note_unreadable(found.unreadable)
    if strict and any(finding.severity == "critical" for finding in found.findings):
        return FOUND
    return SKIPPED if found.unreadable else 0
