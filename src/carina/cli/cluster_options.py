"""Options of the commands that several processes can share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from carina.errors import UsageError

if TYPE_CHECKING:
    from carina.settings import Settings

WorkersOption = Annotated[
    int,
    typer.Option(metavar="N", help="Share the work among N processes (extra cluster)."),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The Ray cluster whose machines the workers run on, as 10.0.0.1:6379; "
        "without it this machine alone.",
        show_default=False,
    ),
]


def settings_with(cluster: str | None, *, workers: int | None = None) -> Settings:
    """Return the settings of the environment, with the cluster that was named, if one was.

    Args:
        cluster: its address.
        workers: how many were asked for; None where that is known elsewhere.

    Raises:
        UsageError: if a cluster is named for a single process.
    """
    from carina.settings import Settings

    if cluster is not None and workers == 1:
        raise UsageError("--cluster names where workers run: say how many with --workers N")

    settings = Settings.from_environment()
    return settings if cluster is None else replace(settings, cluster=cluster)
