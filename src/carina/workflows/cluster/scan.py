"""Films hashed and decoded by several workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from carina.data.seen_films import FilmName, MapSeen, Seeing, SeenFilm
from carina.settings import Settings
from carina.workflows.cluster.mapping import Workers, mapped


def seen_by(workers: int, settings: Settings) -> MapSeen | None:
    """Return what lets workers read, hash and decode films; None for one process, which does so
    itself.

    Args:
        workers: how many.
        settings: where they run.
    """
    if workers == 1:
        return None

    def see(films: Iterable[Sequence[FilmName]], seeing: Seeing) -> Iterator[list[SeenFilm]]:
        return mapped(seeing, list(films), Workers(workers, settings.cluster))

    return see
