"""How much room a training needs, counted before it starts."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carina.errors import StorageError
from carina.files.atomic import is_out_of_room, megabytes, storage_errors
from carina.files.room import require_room
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.learning import has_masked_probe
from carina.workflows.start import Start

if TYPE_CHECKING:
    from carina.models.network import Network

# Upper bounds, about twice what runs of 110 and 921 films had (find RUN -type f -printf '%s %p\n').
_TABLES_PER_FILM = 2_500
"""Bytes in manifest, predictions, seen films, audit and curves."""
_PAGE = 6_000_000
"""Bytes of report, figures, evaluation, card and log without the films' pictures."""
_PICTURE = 2_000_000
"""Bytes of a film's thumbnail and heat map at 640 pixels, and of both in the page."""
_GENERATIONS, _OF_PROBE = 3, 1
"""Two checkpoints that are kept, and one being written; the masked probe's one beside them."""
_WHOLE_COPIES = 4
"""Of the weights: the best and the last epoch's, `network.onnx`, and a head of it for heat
maps, which is at most as large."""
_ONNX_OVERHEAD = 2_000_000
"""Bytes of the graph beside its weights, the gate among it."""


@dataclass(frozen=True, slots=True)
class RoomNeeded:
    """The room that a run takes on the disk.

    Attributes:
        run: bytes in the run's folder when it needs most: at the end of its last training.
        largest: bytes of its largest file.
        cache: bytes that the training adds to the cache folder; the films' prepared pixels
            are there by then.
    """

    run: int
    largest: int
    cache: int


def room_needed(starts: Sequence[Start], *, n_members: int = 1) -> RoomNeeded:
    """Return the room that a run will need.

    Args:
        starts: its network, or one for each stage of a cascade.
        n_members: how many such trainings it holds: seeds or folds.
    """
    checkpoints = [_checkpoint_bytes(start) for start in starts]
    weights = [_weights_bytes(start.network) for start in starts]
    kept = sum(map(_kept_bytes, starts, weights))
    largest = [*checkpoints, *(one + _ONNX_OVERHEAD for one in weights)]
    if len(starts) > 1:  # the cascade: a run beside those of its stages, with their joined network
        kept += _kept_bytes(starts[0], sum(weights))
        largest.append(sum(weights) + _ONNX_OVERHEAD)
    n_checkpoints = _GENERATIONS + _OF_PROBE * has_masked_probe(starts[0].recipe)
    n_bytes = n_members * kept + n_checkpoints * max(checkpoints)
    cache = sum(map(_cache_bytes, starts)) * (n_members if n_members > 1 else 1)
    return RoomNeeded(n_bytes, max(largest), cache)


def require_room_for(run: Run, needed: RoomNeeded, settings: Settings) -> None:
    """Refuse a run that its disk, or that of the cache, has no room for.

    What an interrupted run has written already counts as room.

    Args:
        run: its folder exists.
        needed: by `room_needed`.
        settings: where the cache is.

    Raises:
        StorageError: if there is less, or no permission.
    """
    for_run = max(needed.run - _bytes_below(run.folder), 0)
    in_cache = needed.cache
    cache_dir = settings.cache_dir
    if in_cache and _device(cache_dir) == _device(run.folder):
        for_run += in_cache
        in_cache = 0
    require_room(
        run.folder, n_bytes=for_run, largest=needed.largest, purpose="for this run", option="--out"
    )
    if in_cache:
        require_room(
            cache_dir,
            n_bytes=in_cache,
            advice="choose another cache folder with CARINA_CACHE_DIR",
            purpose="for what the training keeps of films",
        )


@contextmanager
def telling_room_needed(run: Run, needed: RoomNeeded) -> Iterator[None]:
    """Say how much room a run needs in all, and how it goes on, where a write of it fails in the
    block; one by a library too."""
    try:
        try:
            yield
        except OSError as error:
            if not is_out_of_room(error) and error.errno != errno.EROFS:
                raise
            with storage_errors(Path(error.filename or run.folder)):
                raise
    except StorageError as error:
        left = max(needed.run - _bytes_below(run.folder), 0)
        room = f"to be finished, the run needs about {megabytes(left)} more in {run.folder}"
        if needed.cache:
            room += f", and at most {megabytes(needed.cache)} in the cache folder"
        again = ""
        if run.environment_file.is_file():
            words = shlex.join(["carina", "train", "--resume", str(run.folder)])
            again = f"; what was written before is whole: then go on with: {words}"
        raise StorageError(f"{error}; {room}{again}") from error


def _kept_bytes(start: Start, weights: int) -> int:
    """Return what a finished training leaves in its folder."""
    pictures = start.recipe.evaluate.worst_errors * _PICTURE
    tables = len(start.films.split.parts) * _TABLES_PER_FILM
    return _WHOLE_COPIES * weights + _ONNX_OVERHEAD + pictures + tables + _PAGE


def _weights_bytes(network: Network) -> int:
    return sum(values.nbytes for values in network.state_dict().values())


def _checkpoint_bytes(start: Start) -> int:
    """Return the bytes of one checkpoint: what changes, the best of it, and two moments."""
    network = start.network
    trained = sum(values.nbytes for values in network.parameters() if values.requires_grad)
    fixed = sum(values.nbytes for values in network.parameters() if not values.requires_grad)
    changing = _weights_bytes(network) - fixed
    answers = len(start.films.of("train")) * len(start.films.dataset.labels) * 4
    return 2 * changing + 2 * trained + 2 * answers


def _cache_bytes(start: Start) -> int:
    """Return what a training adds to the cache folder: features of fixed layers, and those of
    the same films without their middle for a masked probe."""
    return _features_bytes(start) * (2 if has_masked_probe(start.recipe) else 1)


def _features_bytes(start: Start) -> int:
    """Return what is kept of the fixed layers' answers, if some layers are fixed."""
    from carina.training.feed import epochs_through_fixed_layers, keeps_features
    from carina.training.frozen_part import FrozenPart, with_frozen_part

    backbone = with_frozen_part(start.network)
    if backbone is None:
        return 0
    n_values = 1
    for side in FrozenPart(backbone, start.recipe.input, bf16=False).shape:
        n_values *= side
    n_films = len(start.films.of("validation")) + len(start.films.of("test"))
    augment = start.recipe.augment
    if keeps_features(augment):
        views = epochs_through_fixed_layers(start.recipe.train, augment)
        n_films += len(start.films.of("train")) * views
    return n_films * n_values * 4


def _bytes_below(folder: Path) -> int:
    """Return the bytes of all files in a folder and below, each counted once."""
    sizes = {}
    for file in folder.rglob("*"):
        with suppress(OSError):
            state = file.lstat()
            sizes[state.st_dev, state.st_ino] = state.st_size
    return sum(sizes.values())


def _device(folder: Path) -> int:
    """Return the number of the file system that a folder lies on, or will."""
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return place.stat().st_dev
