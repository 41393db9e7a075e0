"""How many films a training computes at a time, so that it fits into the memory there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import AugmentSection, TrainSection
from carina.errors import TrainingError
from carina.files.memory import FreeMemory, free_memory
from carina.models.dropout import QuickDropout
from carina.models.network import Network
from carina.training.device import training_device
from carina.training.features import FILMS_AT_ONCE
from carina.training.feed import keeps_features
from carina.training.frozen_part import with_frozen_part
from carina.training.loading import AHEAD
from carina.training.peak import Sketches
from carina.training.precision import Precision, cpu_has_bf16
from carina.training.step import add_gradients, part_sizes

# Of what is free so much is not planned with: other programs grow too.
_KEPT_FREE = 0.05
# What is taken for each byte that is counted. Tensors between layers come and go in many sizes,
# and leave gaps in memory that the allocator of a training keeps (`training.allocator`); kernels
# take some for themselves. Measured with benchmarks/memory_peak.py: 1.28 to 1.53 for steps, 0.97
# for a checkpoint.
_STEP_FACTOR, _OTHER_FACTOR = 1.65, 1.1
# Code and tables that libraries load with the first step.
_LIBRARY_BYTES = 100_000_000
# Bytes of a pixel of a batch in the making: grey levels (uint16), the same as float32, each film
# changed, all stacked; and of one that is made.
_MAKING_BYTES, _MADE_BYTES = 2 + 4 + 4 + 4, 4


@dataclass(frozen=True, slots=True)
class Work:
    """What a training will do, as far as its memory is concerned.

    Attributes:
        network: not touched.
        spec: its films.
        train, augment: of the recipe.
        precision: what it computes in.
        start_is_kept: whether the start weights are kept beside (for a masked probe).
    """

    network: Network
    spec: InputSpec
    train: TrainSection
    augment: AugmentSection
    precision: Precision
    start_is_kept: bool = False


@dataclass(frozen=True, slots=True)
class MemoryChoice:
    """How many films a training computes at a time, and why.

    Attributes:
        batch_size: films of a step.
        films_at_once: how many of them are computed at a time; the gradients of the parts of a
            batch are added up before its step.
        needed_bytes: what the training will take, beside what the process holds before it.
        whole_bytes: what it would take with whole batches.
        free: what there is; None where the system does not say.
        sentence: all that in words.
        cautions: what is not as with whole batches.
    """

    batch_size: int
    films_at_once: int
    needed_bytes: int
    whole_bytes: int
    free: FreeMemory | None
    sentence: str
    cautions: tuple[str, ...] = ()

    @property
    def is_split(self) -> bool:
        """Whether a batch is computed in parts."""
        return self.films_at_once < self.batch_size

    @property
    def at_once(self) -> int:
        """What `fit` takes for `films_at_once`: 0 for whole batches."""
        return self.films_at_once if self.is_split else 0

    def facts(self) -> dict[str, str | int]:
        """Return it as plain values, for `environment.json`."""
        facts: dict[str, str | int] = {
            "films_at_once": self.films_at_once,
            "needed_mb": round(self.needed_bytes / 1e6),
            "whole_batch_mb": round(self.whole_bytes / 1e6),
            "reason": "; ".join((self.sentence, *self.cautions)),
        }
        if self.free is not None:
            facts["free_mb"] = round(self.free.n_bytes / 1e6)
        return facts


def training_memory(given_bytes: int = 0) -> FreeMemory | None:
    """Return the memory of the training's device that this process may still take.

    Args:
        given_bytes: what the user says that a training may take; 0 for what there is.
    """
    if given_bytes:
        return FreeMemory(given_bytes, "that CARINA_MEMORY_MB gives")
    if training_device().type == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return FreeMemory(free, "of the GPU")
    return free_memory()


def choose_memory(work: Work, free: FreeMemory | None) -> MemoryChoice:
    """Return how many films of a batch are computed at a time: all, if there is memory for that.

    Else it is the largest number that divides the batch into equal parts and fits; where that
    is less than half of what fits (a batch of 17), the parts differ by one film.

    Args:
        work: what will be done.
        free: the memory there is.

    Raises:
        TrainingError: if there is not enough for one film at a time.
    """
    batch, whole = work.train.batch_size, needed_bytes(work, work.train.batch_size)
    if free is None or _fits(whole, free):
        return MemoryChoice(batch, batch, whole, whole, free, _whole_sentence(whole, batch, free))
    at_once = _most_that_fit(work, free)
    return _split(work, at_once, whole, free)


def memory_as_before(work: Work, films_at_once: int, free: FreeMemory | None) -> MemoryChoice:
    """Return the choice of a training that goes on, or is repeated: the one made before.

    Args:
        work: what will be done.
        films_at_once: what was chosen; 0 for whole batches.
        free: the memory there is now; too little of it is a caution.
    """
    batch = work.train.batch_size
    at_once = min(films_at_once or batch, batch)
    needed = needed_bytes(work, at_once)
    sentence = f"{at_once} of {batch} films of a batch are computed at a time, as before"
    cautions: tuple[str, ...] = ()
    if free is not None and not _fits(needed, free):
        cautions = (
            f"that needs about {_gb(needed)} and {_there_are(free)}: if the system ends the "
            "training, give it more memory and resume it",
        )
    return MemoryChoice(batch, at_once, needed, needed, free, sentence, cautions)


def films_to_time(work: Work, free: FreeMemory | None) -> int:
    """Return how many films the probe of precisions may take at a time: it computes in fp32 too.

    Raises:
        TrainingError: if there is not enough memory for one.
    """
    return choose_memory(replace(work, precision="fp32"), free).films_at_once


def needed_bytes(work: Work, films_at_once: int) -> int:
    """Return the most that a training takes at once, beside what the process holds before it.

    It is the same number on every machine. Counted are the moments, the best epoch's and the
    start weights, batches that are made ahead, and the most of: a step (gradients and all that
    is held between layers), the answers to validation films, what fixed layers make of films,
    and a checkpoint as it is written. What a disk holds (decoded films, features) is not.

    Args:
        work: what will be done.
        films_at_once: films that are computed at a time.
    """
    values = [*work.network.parameters()]
    trained = sum(one.nbytes for one in values if one.requires_grad)
    changing = trained + sum(one.nbytes for one in work.network.buffers())
    every = changing + sum(one.nbytes for one in values if not one.requires_grad)
    most = _STEP_FACTOR * max(
        _step_bytes(work, films_at_once),
        trained + _answer_bytes(work, films_at_once),
        _fixed_bytes(work, films_at_once),
    )
    if training_device().type == "cuda":  # the rest lies in the machine's own memory
        return round(_OTHER_FACTOR * (every + 2 * trained) + most) + _LIBRARY_BYTES
    # Contiguous copies of values and moments, their bytes, and all the bytes as one file.
    checkpoint = trained + (changing + 2 * trained) + 2 * (2 * changing + 2 * trained)
    kept = 2 * trained + changing + work.start_is_kept * every
    others = kept + _loader_bytes(work, films_at_once)
    most = max(most, _OTHER_FACTOR * checkpoint)
    return round(_OTHER_FACTOR * others + most) + _LIBRARY_BYTES


@contextmanager
def telling_of_memory(choice: MemoryChoice) -> Iterator[None]:
    """Say what to do where memory runs out in the block in spite of the estimate.

    Raises:
        TrainingError: where torch or numpy were refused memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_refusal(error):
            raise
        raise TrainingError(
            f"the memory ran out with {choice.films_at_once} films at a time (about "
            f"{_gb(choice.needed_bytes)} were expected); close other programs and resume the run, "
            f"or train anew with smaller parts (CARINA_MEMORY_MB={choice.needed_bytes // 2000000})"
        ) from error


def _is_refusal(error: BaseException) -> bool:
    said = str(error)
    words = ("can't allocate memory", "not enough memory", "could not create a memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(w in said for w in words)


def _most_that_fit(work: Work, free: FreeMemory) -> int:
    """Return how many films of a batch are computed at a time where not all of it fits."""
    batch = work.train.batch_size
    low, high = 0, batch  # so many fit, and so many do not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(needed_bytes(work, middle), free) else (low, middle)
    if low == 0:
        raise _too_little(work, free)
    equal = max(n for n in range(1, low + 1) if batch % n == 0)
    return equal if 2 * equal >= low else max(part_sizes(batch, low))


def _fits(n_bytes: int, free: FreeMemory) -> bool:
    return n_bytes <= (1 - _KEPT_FREE) * free.n_bytes


def _step_bytes(work: Work, films_at_once: int) -> int:
    """Return what a step holds at the most: gradients, and what is kept between layers."""
    sketches = Sketches(training_device())
    network = sketches.network(work.network, training=True)
    bf16 = work.precision == "bf16"
    images = sketches.images(work.spec, films_at_once)
    labels = sketches.values(films_at_once, dtype=torch.int64)
    answer: Callable[[Tensor], Tensor] = network
    fixed = with_frozen_part(network)
    if fixed is not None:
        answer = fixed.from_frozen
        if keeps_features(work.augment):
            with sketches.held():
                shape = fixed.frozen(images[:1]).shape[1:]
            images = sketches.values(films_at_once, *shape)
    is_through_fixed = fixed is not None and not keeps_features(work.augment)
    bf16_answer = bf16 and (fixed is None or fixed.n_frozen < len(fixed.stages))
    n_parts = 1 if films_at_once >= work.train.batch_size else 2
    with sketches.held(*network.parameters(), *network.buffers(), images, labels) as held:
        for _ in range(n_parts):  # the second adds to the gradients of the first
            shown = images
            if fixed is not None and is_through_fixed:
                shown = _through(fixed.frozen, images, bf16=bf16)
            if not bf16_answer:
                shown = shown.float()
            add_gradients(
                answer, shown, labels=labels, weights=None, n_films=films_at_once, bf16=bf16_answer
            )
    return held.most


def _answer_bytes(work: Work, films_at_once: int) -> int:
    """Return what the answers to a batch of validation films hold at the most, in float32."""
    sketches = Sketches(training_device())
    network = sketches.network(work.network, training=False)
    fixed = with_frozen_part(network)
    if fixed is not None:
        films_at_once = max(films_at_once, _films_through_fixed(work, films_at_once))
    images = sketches.images(work.spec, films_at_once)
    with sketches.held(*network.parameters(), *network.buffers(), images) as held:
        _through(network, images, bf16=False)
    return held.most


def _fixed_bytes(work: Work, films_at_once: int) -> int:
    """Return what fixed layers hold at the most while they compute what is kept of films."""
    sketches = Sketches(training_device())
    network = sketches.network(work.network, training=True)
    fixed = with_frozen_part(network)
    if fixed is None or not keeps_features(work.augment):
        return 0
    images = sketches.images(work.spec, _films_through_fixed(work, films_at_once))
    with sketches.held(*network.parameters(), *network.buffers(), images) as held:
        _through(fixed.frozen, images, bf16=work.precision == "bf16")
    return held.most


def _through(layers: Callable[[Tensor], Tensor], images: Tensor, *, bf16: bool) -> Tensor:
    with torch.no_grad(), torch.autocast(images.device.type, torch.bfloat16, bf16):
        return layers(images)


def _films_through_fixed(work: Work, films_at_once: int) -> int:
    """Return how many films `Features` computes at a time."""
    is_split = films_at_once < work.train.batch_size
    return min(films_at_once, FILMS_AT_ONCE) if is_split else FILMS_AT_ONCE


def _loader_bytes(work: Work, films_at_once: int) -> int:
    """Return what batches take that are made ahead, and what their films take meanwhile."""
    pixels = work.spec.height * work.spec.width
    made = AHEAD + 2  # those that wait, the one in the making, and the one that is shown
    if with_frozen_part(work.network) is not None and keeps_features(work.augment):
        n_films = _films_through_fixed(work, films_at_once)
    else:
        n_films = work.train.batch_size
    return n_films * pixels * (_MAKING_BYTES + made * _MADE_BYTES)


def _too_little(work: Work, free: FreeMemory) -> TrainingError:
    needed = needed_bytes(work, 1)
    spec, faster = work.spec, ""
    if work.precision == "fp32" and (training_device().type == "cuda" or cpu_has_bf16()):
        faster = " or in half precision (--set train.precision=bf16)"
    return TrainingError(
        f"the training needs about {_gb(needed)} of memory even for one film at a time, and "
        f"{_there_are(free)}; train on smaller films (--set input.height={spec.height // 2} --set "
        f"input.width={spec.width // 2}), with a smaller --set train.batch_size{faster}, take a "
        "recipe with a smaller network, end other programs, or take a machine with more memory"
    )


def _split(work: Work, at_once: int, whole: int, free: FreeMemory) -> MemoryChoice:
    batch = work.train.batch_size
    sizes = part_sizes(batch, at_once)
    size = f"{at_once}" if len(set(sizes)) == 1 else f"{at_once} at most"
    return MemoryChoice(
        batch_size=batch,
        films_at_once=at_once,
        needed_bytes=needed_bytes(work, at_once),
        whole_bytes=whole,
        free=free,
        sentence=(
            f"batch {batch} is taken in {len(sizes)} parts of {size}: one of {batch} needs about "
            f"{_gb(whole)} and {_there_are(free)}; a step is still one of {batch} films"
        ),
        cautions=_cautions(work.network, at_once, batch),
    )


def _cautions(network: Network, at_once: int, batch: int) -> tuple[str, ...]:
    """Return what parts change beside the last digits."""
    layers = list(network.modules())
    cautions = []
    if any(isinstance(one, nn.BatchNorm2d) and one.weight.requires_grad for one in layers):
        cautions.append(
            f"batch normalisation sees {at_once} films at a time instead of {batch}, so that the "
            "training is not quite that of a machine with more memory"
        )
    if any(isinstance(one, nn.Dropout | QuickDropout) for one in layers):
        cautions.append("dropout draws other values than for a whole batch")
    return tuple(cautions)


def _whole_sentence(n_bytes: int, batch: int, free: FreeMemory | None) -> str:
    there = "the system does not say how much is free" if free is None else _there_are(free)
    return f"batches of {batch} need about {_gb(n_bytes)} of memory; {there}"


def _there_are(free: FreeMemory) -> str:
    return f"{_gb(free.n_bytes)} {free.because} are free"


def _gb(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.2g} GB" if n_bytes < 9.95e9 else f"{n_bytes / 1e9:,.0f} GB"
