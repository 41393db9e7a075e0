"""How fast films are read."""

import time

from carina.domain.progress import Progress, Step


class FilmTeller:
    """Counts films and tells how fast they come."""

    def __init__(self, progress: Progress, *, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._start = time.perf_counter()

    def tell(self, n_films: int) -> None:
        """Tell that some more films were read."""
        for _ in range(n_films):
            self._done += 1
            seconds = max(time.perf_counter() - self._start, 1e-9)
            facts = {"films/s": round(self._done / seconds, 1)}
            self._progress(Step("reading films", self._done, self._total, facts))
