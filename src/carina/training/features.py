"""What the fixed layers of a network make of films: computed once, and kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from carina.domain.progress import Progress, Step, silent
from carina.domain.recipe import AugmentSection
from carina.files.row_store import KEY_BYTES, DiskStore, MemoryStore, RowStore
from carina.training.augment import changes_films
from carina.training.films import FilmPart
from carina.training.frozen_part import FrozenPart
from carina.training.loading import Batch, changed_images, made_ahead, times_shown, view_shown
from carina.training.share import WHOLE, Share

FILMS_AT_ONCE = 32
"""Films that fixed layers are shown at a time, where there is memory for that."""
_ROOM_ADVICE = (
    "choose another cache folder with CARINA_CACHE_DIR, or ask for fewer --set augment.views"
)


@dataclass(frozen=True, slots=True)
class Views:
    """How the films of a part are shown.

    Attributes:
        augment: with `views` over 0, or without any change.
        seed: the recipe's.
    """

    augment: AugmentSection
    seed: int

    @property
    def digest(self) -> str:
        """Hex sha256 over all that decides the views of a film beside the film itself."""
        if not changes_films(self.augment):
            return hashlib.sha256(b"as it is").hexdigest()
        facts = (self.augment.model_dump(exclude={"views"}), self.seed)
        versions = (cv2.__version__, np.__version__)
        return hashlib.sha256(repr((facts, versions)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Shown:
    """Films as one view shows them; each is another picture.

    Attributes:
        films: int64 `[n]`; indices into the part.
        times: int64 `[n]`; how often each was shown before in the epoch.
        view: from 1.
    """

    films: NDArray[np.int64]
    times: NDArray[np.int64]
    view: int

    def at(self, places: NDArray[np.int64]) -> _Shown:
        """Return some of them."""
        return _Shown(self.films[places], self.times[places], self.view)


class Features:
    """The features of a part's films, by the content of what the fixed layers were shown.

    On disk they lie in `cache_dir/features/DIGEST/` (`files.row_store`), where DIGEST tells
    the fixed layers (`FrozenPart.digest`) and the views; the key of a row is a digest of the
    prepared pixels and, where films are changed, of what their changes are drawn from. So
    another film, other weights, another preparation or other changes are other features.
    """

    def __init__(
        self,
        frozen: FrozenPart,
        part: FilmPart,
        *,
        views: Views | None = None,
        cache_dir: Path | None = None,
        films_at_once: int = 0,
        progress: Progress = silent,
    ) -> None:
        """Open what is known of the features of a part; nothing is computed yet.

        Args:
            frozen: the fixed layers.
            part: the films.
            views: how they are shown; None: as they are.
            cache_dir: where features are kept; None: in memory.
            films_at_once: the most that the fixed layers are shown at a time; 0 for
                `FILMS_AT_ONCE`.
            progress: told while features are computed ("computing features").

        Raises:
            StorageError: if the cache folder cannot be made or written to.
        """
        self._frozen = frozen
        self._part = part
        self._views = views or Views(AugmentSection(), 0)
        self._changes = changes_films(self._views.augment)
        self._films_at_once = min(FILMS_AT_ONCE, films_at_once or FILMS_AT_ONCE)
        self._progress = progress
        self._contents = _content_digests(part)
        row_bytes = int(np.prod(frozen.shape)) * frozen.dtype.itemsize
        self._store: RowStore = MemoryStore(row_bytes)
        if cache_dir is not None:
            name = hashlib.sha256(f"{frozen.digest} {self._views.digest}".encode()).hexdigest()
            self._store = DiskStore(cache_dir / "features" / name[:32], row_bytes)

    @contextmanager
    def batches(
        self,
        order: NDArray[np.int64],
        *,
        batch_size: int,
        epoch: int = 1,
        begin: int = 0,
        share: Share = WHOLE,
    ) -> Iterator[Iterator[Batch]]:
        """Yield an epoch's batches of features; those that are not known are computed first.

        Args:
            order: int64 `[m]`; indices into the part, as they are shown.
            batch_size: films in a batch; the last one holds what is left.
            epoch: from 1; it decides which view is shown.
            begin: the first batch that is wanted.
            share: which films of each batch are wanted.

        Raises:
            StorageError: if there is no room for them.
        """
        shown = self._shown(order, epoch)
        self._compute_missing(shown.at(share.places(order.size, batch_size)))
        keys = self._keys(shown)

        def make(films: slice) -> Batch:
            labels = torch.from_numpy(self._part.labels[order[films]])
            return Batch(images=self._values(self._store.read(keys[films])), labels=labels)

        batches = share.of_batches(order.size, batch_size, begin)
        with made_ahead(make, batches) as coming:
            yield coming

    def _shown(self, order: NDArray[np.int64], epoch: int) -> _Shown:
        if self._changes:
            return _Shown(order, times_shown(order), view_shown(self._views.augment, epoch))
        return _Shown(order, np.zeros_like(order), 1)

    def _keys(self, shown: _Shown) -> list[bytes]:
        """Return the keys of features, each the digest of what the fixed layers are shown."""
        contents = [self._contents[film] for film in shown.films]
        if not self._changes:
            return contents
        return [
            _digest(content, f"{self._part.keys[film]} {shown.view} {times}".encode())
            for content, film, times in zip(
                contents, shown.films.tolist(), shown.times.tolist(), strict=True
            )
        ]

    def _compute_missing(self, shown: _Shown) -> None:
        keys = self._keys(shown)
        # Of places with the same key, one is enough.
        missing = np.array(list({keys[at]: at for at in self._store.missing(keys)}.values()), int)
        if not missing.size:
            return
        self._store.require_room(missing.size, advice=_ROOM_ADVICE)
        films, times = shown.films[missing], shown.times[missing]

        def make(some: slice) -> Tensor:
            return changed_images(
                self._part,
                films[some],
                shown=times[some],
                view=shown.view,
                augment=self._views.augment,
                seed=self._views.seed,
            )

        device = next(self._frozen.network.parameters()).device
        began, n_done = time.monotonic(), 0
        with made_ahead(make, WHOLE.of_batches(missing.size, self._films_at_once)) as batches:
            for images in batches:
                rows = _rows(self._frozen(images.to(device)))
                places = missing[n_done : n_done + len(rows)]
                self._store.append(dict(zip((keys[at] for at in places), rows, strict=True)))
                n_done += len(rows)
                rate = round(n_done / (time.monotonic() - began), 1)
                self._progress(Step("computing features", n_done, missing.size, {"images/s": rate}))
        self._store.missing(keys)

    def _values(self, rows: NDArray[np.uint8]) -> Tensor:
        """Return rows of bytes as the values `[n, ...]` that they hold."""
        values = torch.from_numpy(rows).view(self._frozen.dtype).view(-1, *self._frozen.shape)
        is_maps = values.ndim == 4
        return values.contiguous(memory_format=torch.channels_last) if is_maps else values


def _rows(values: Tensor) -> NDArray[np.uint8]:
    """Return values `[n, ...]` as rows of bytes uint8 `[n, bytes]`."""
    flat: NDArray[np.uint8] = values.cpu().contiguous().flatten(1).view(torch.uint8).numpy()
    return flat


def _content_digests(part: FilmPart) -> list[bytes]:
    digests: list[bytes] = []
    for at in range(0, len(part), FILMS_AT_ONCE):
        levels = part.read_levels(part.keys[at : at + FILMS_AT_ONCE])
        digests.extend(_digest(film.tobytes()) for film in levels)
    return digests


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=KEY_BYTES).digest()
