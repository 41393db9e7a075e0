"""How much of this machine's matrix speed each network's training step reaches.

The peak is the best of several square matrix products of torch, in float32 and in
bfloat16, taken before and after the networks. A network's operations are those of its
convolutions and matrix products (a multiplication and an addition are two), counted by
torch while one real training step runs: forward, backward, and the loss; of layers held
fixed only the forward. The step itself is Carina's (`carina.training.step`), with its
memory layout and allocator, on random films: no decoding, no augmentation, no loading.

    python benchmarks/matrix_peak.py [--work NAME ...] [--steps N] [--threads N] [--batch N]
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from described.measuring import machine
from described.works import WORKS, Work, work_named
from torch.utils.flop_counter import FlopCounterMode

from carina.domain.recipe import Recipe
from carina.errors import UnknownNameError
from carina.files.recipes import with_settings
from carina.models.backbone import BackboneNetwork
from carina.models.build import build_network
from carina.models.network import Network, set_memory_layout
from carina.training.allocator import keeping_memory
from carina.training.device import torch_threads, usable_threads
from carina.training.step import adam, training_step

_SIDES = (2048, 3072, 4096)
_REPEATS = 5


def matrix_peak(dtype: torch.dtype, sides: Sequence[int]) -> float:
    """Return the most operations a second that a square matrix product reached, in 10^9."""
    best = 0.0
    for side in sides:
        left, right = torch.rand(side, side).to(dtype), torch.rand(side, side).to(dtype)
        left @ right
        for _ in range(_REPEATS):
            began = time.perf_counter()
            left @ right
            best = max(best, 2 * side**3 / (time.perf_counter() - began) / 1e9)
    return best


@dataclass(frozen=True)
class Reached:
    """What one network's step does.

    Attributes:
        name: of the work, and what of it was timed.
        gflop: 10^9 operations for a film.
        images_per_second: by precision, the median step's.
    """

    name: str
    gflop: float
    images_per_second: dict[str, float]

    def gflops(self, precision: str) -> float:
        """Return 10^9 operations a second."""
        return self.gflop * self.images_per_second[precision]


def reached(work: Work, recipe: Recipe, *, n_steps: int) -> list[Reached]:
    """Return what a work's training step reaches, and its fixed layers alone if it has any."""
    spec, size = recipe.input, recipe.train.batch_size
    # Carina refuses to hold random weights fixed; here they only have to be computed with.
    section = with_settings(recipe, ["network.trained=all"]).network
    network = build_network(section, spec=spec, n_classes=len(work.classes), seed=0)
    if isinstance(network, BackboneNetwork):
        network.freeze(recipe.network.trained)
    set_memory_layout(network.train(), torch.channels_last)
    images = torch.rand(size, spec.channels, spec.height, spec.width)
    images = images.contiguous(memory_format=torch.channels_last)
    backbone = network if isinstance(network, BackboneNetwork) else None
    rows = []
    if recipe.network.trained != "head":
        rows.append(_stepped(f"{work.name}: training step", network, images, recipe, n_steps))
    if backbone is not None and backbone.n_frozen:
        rows.append(_looked(f"{work.name}: fixed layers, forward", backbone, images, n_steps))
    return rows


def _stepped(
    name: str, network: Network, images: torch.Tensor, recipe: Recipe, n_steps: int
) -> Reached:
    labels = torch.arange(len(images)) % network.n_classes
    optimizer = adam(network, recipe.train)

    def step(bf16: bool) -> None:
        training_step(network, optimizer, images=images, labels=labels, weights=None, bf16=bf16)

    return _timed(name, step, len(images), n_steps)


def _looked(name: str, network: BackboneNetwork, images: torch.Tensor, n_steps: int) -> Reached:
    def look(bf16: bool) -> None:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            network.frozen(images)

    return _timed(name, look, len(images), n_steps)


def _timed(name: str, work: Callable[[bool], None], n_images: int, n_steps: int) -> Reached:
    """Return the speed of `work(bf16)` in both precisions, which take turns."""
    with FlopCounterMode(display=False) as counter:
        work(False)
    work(True)
    seconds: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for _ in range(n_steps):
        for precision, taken in seconds.items():
            began = time.perf_counter()
            work(precision == "bf16")
            taken.append(time.perf_counter() - began)
    rates = {precision: n_images / statistics.median(t) for precision, t in seconds.items()}
    return Reached(name, counter.get_total_flops() / n_images / 1e9, rates)


def main(arguments: argparse.Namespace) -> None:
    """Measure, and print the table."""
    works = [work_named(name) for name in arguments.work] if arguments.work else WORKS
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16}
    with torch_threads(usable_threads(arguments.threads)), keeping_memory():
        n_threads = torch.get_num_threads()
        peaks = {name: matrix_peak(dtype, arguments.sides) for name, dtype in dtypes.items()}
        rows = []
        for work, recipe in _networks(works, arguments.batch):
            rows += reached(work, recipe, n_steps=arguments.steps)
        for name, dtype in dtypes.items():
            peaks[name] = max(peaks[name], matrix_peak(dtype, arguments.sides))
    print(f"{machine()}; torch {torch.__version__}, {n_threads} threads")
    print(f"matrix peak: fp32 {peaks['fp32']:.0f}, bf16 {peaks['bf16']:.0f} GFLOP/s\n")
    print(
        "| network | GFLOP a film | fp32 images/s | of the fp32 peak | bf16 images/s "
        "| of the bf16 peak |\n|---|---|---|---|---|---|"
    )
    for row in rows:
        cells = [
            f"{row.images_per_second[name]:.1f} | {row.gflops(name) / peaks[name]:.0%}"
            for name in dtypes
        ]
        print(f"| {row.name} | {row.gflop:.2f} | {' | '.join(cells)} |")


def _networks(works: Sequence[Work], batch: int | None) -> list[tuple[Work, Recipe]]:
    """Return each network once, with a random start."""
    found, seen = [], set()
    for work in works:
        try:
            recipe = with_settings(
                work.resolved(weights=None, epochs=None), ["network.weights=none"]
            )
        except UnknownNameError as error:
            print(f"{work.name} is not measured: {error}")
            continue
        if batch:
            recipe = with_settings(recipe, [f"train.batch_size={batch}"])
        if (key := recipe.network.model_dump_json()) not in seen:
            seen.add(key)
            found.append((work, recipe))
    return found


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", action="append", default=[], help="one work; again for more")
    parser.add_argument("--steps", type=int, default=5, help="timed steps in each precision")
    parser.add_argument("--threads", type=int, default=0, help="0 for all usable ones")
    parser.add_argument("--batch", type=int, help="films a step, instead of the recipe's")
    parser.add_argument("--sides", type=int, nargs="+", default=_SIDES, help="of the matrices")
    return parser


if __name__ == "__main__":
    main(options().parse_args())
