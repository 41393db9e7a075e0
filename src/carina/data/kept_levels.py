"""Prepared films, read from the cache by whoever shares its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.data.cache import LevelsStore
from carina.domain.input_spec import InputSpec
from carina.errors import StorageError


class KeptLevels:
    """Reads films of one input spec by the sha256 of their bytes.

    It holds the cache's folder and nothing else when it is sent to another process, which
    opens the store there.
    """

    def __init__(self, cache_dir: Path, spec: InputSpec) -> None:
        """Know where the films are; nothing is opened."""
        self._cache_dir = cache_dir
        self._spec = spec
        self._row_of: Mapping[str, int] | None = None
        self._rows: NDArray[np.uint16] | None = None

    def __call__(self, digests: Sequence[str]) -> NDArray[np.uint16]:
        """Return grey levels uint16 `[n, height, width]`; a copy.

        Raises:
            StorageError: if the cache does not hold them, since it is another folder than the one
                that they were prepared in.
        """
        if self._row_of is None or self._rows is None:
            store = LevelsStore(self._cache_dir, self._spec)
            self._row_of, self._rows = store.index(), store.rows()
        missing = [digest for digest in digests if digest not in self._row_of]
        if missing:
            raise StorageError(
                f"the cache {self._cache_dir} holds {len(self._row_of):,} prepared films here, and "
                f"{len(missing)} of {len(digests)} that are wanted are not among them; let "
                "CARINA_CACHE_DIR name one folder on a file system that all machines share"
            )
        chosen = np.fromiter((self._row_of[one] for one in digests), np.intp, len(digests))
        return np.asarray(self._rows[chosen])

    def __getstate__(self) -> dict[str, Any]:
        return {"_cache_dir": self._cache_dir, "_spec": self._spec}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_cache_dir"], state["_spec"])  # type: ignore[misc]
