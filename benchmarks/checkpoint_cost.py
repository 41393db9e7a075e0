"""What checkpoints cost a training: its time, the disk, and whether memory stays flat.

    python benchmarks/checkpoint_cost.py [--recipe NAME ...] [--films N] [--epochs N] \\
        [--threads N] [--side PIXELS]
    python benchmarks/checkpoint_cost.py --flat [--epochs 100]

The first trains a recipe's network at its own input size on noise, on the CPU, each epoch with
checkpoints where they are due, and prints the share of the time that went into writing them, by
the clock and by the processor; the same training without checkpoints stands beside it. Where a
training is shorter than 40 times a checkpoint's cost, only the one at its end is written, and its
share is larger: take as many epochs as a real training has.

The second trains a small network for many epochs with a checkpoint after every step, and prints
the memory and the open files of the process after a tenth of them and at the end.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from described.measuring import machine

from carina.domain.input_spec import InputSpec
from carina.domain.progress import silent
from carina.domain.recipe import NetworkSection, Recipe
from carina.files.recipes import read_recipe
from carina.models.build import build_network
from carina.training.checkpoints import Checkpoints
from carina.training.films import FilmPart, TrainingFilms
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice


class Timed(Checkpoints):
    """Checkpoints that know how long they took."""

    n_written = 0
    wall_s = cpu_s = 0.0

    def write(self, network, optimizer, standing, *, is_last=False):
        """Write one and take the time."""
        wall, cpu = time.monotonic(), time.process_time()
        super().write(network, optimizer, standing, is_last=is_last)
        self.n_written += 1
        self.wall_s += time.monotonic() - wall
        self.cpu_s += time.process_time() - cpu


class AfterEveryStep(Timed):
    """Checkpoints that are always due."""

    def is_due(self, _network):
        """Say yes."""
        return True


def noise(n: int, spec: InputSpec, *, seed: int) -> FilmPart:
    """Return films of noise of two classes."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 65536, (n, spec.height, spec.width), dtype=np.uint16)
    keys = tuple(f"{seed}-{number}" for number in range(n))
    place = {key: number for number, key in enumerate(keys)}
    return FilmPart(keys, np.arange(n) % 2, lambda some: levels[[place[key] for key in some]])


def trained(recipe: Recipe, films: TrainingFilms, checkpoints, *, progress=silent):
    """Train a recipe's network in float32 and return the seconds by the clock and the processor."""
    network = build_network(recipe.network, spec=recipe.input, n_classes=2, seed=0)
    wall, cpu = time.monotonic(), time.process_time()
    fit(
        network,
        films,
        train=recipe.train,
        augment=recipe.augment,
        precision=PrecisionChoice("fp32", "asked for"),
        checkpoints=checkpoints,
        progress=progress,
    )
    return time.monotonic() - wall, time.process_time() - cpu


def costs(name: str, arguments: argparse.Namespace) -> str:
    """Return a row of the table."""
    recipe = read_recipe(name)
    if arguments.side:
        spec = recipe.input.model_copy(update={"height": arguments.side, "width": arguments.side})
        recipe = recipe.model_copy(update={"input": spec})
    update = {"epochs": arguments.epochs, "threads": arguments.threads}
    recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update=update)})
    films = TrainingFilms(
        noise(arguments.films, recipe.input, seed=1),
        noise(arguments.films // 5, recipe.input, seed=2),
        recipe.input,
    )
    without_s, without_cpu_s = trained(recipe, films, None)
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        checkpoints = Timed(Path(folder), identity={}, circumstances={})
        with_s, with_cpu_s = trained(recipe, films, checkpoints)
        sizes = [file.stat().st_size for file in Path(folder).glob("*.safetensors")]
    return (
        f"| {name} | {max(sizes) / 1e6:.0f} MB | {checkpoints.n_written} | {with_s:.0f} s "
        f"| {100 * checkpoints.wall_s / with_s:.2f} % "
        f"| {100 * checkpoints.cpu_s / with_cpu_s:.2f} % "
        f"| {without_s:.0f} s, {without_cpu_s:.0f} s processor ({with_cpu_s:.0f} s with) "
        f"| {sum(sizes) / 1e6:.0f} MB |"
    )


def print_costs(arguments: argparse.Namespace) -> None:
    """Print what checkpoints cost."""
    print(
        "| recipe | one | written | training | writing, clock | writing, processor "
        "| without | kept |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in arguments.recipe or ["two-conv", "densenet121"]:
        print(costs(name, arguments), flush=True)


def print_growth(epochs: int, scratch: Path | None) -> None:
    """Print what a long training holds after a tenth of its epochs and at its end."""
    spec = InputSpec(height=32, width=32)
    section = NetworkSection(architecture="two-conv", options={"filters": (4, 8), "dense": 16})
    recipe = read_recipe("two-conv")
    train = recipe.train.model_copy(update={"epochs": epochs, "threads": 1, "batch_size": 8})
    recipe = recipe.model_copy(update={"input": spec, "network": section, "train": train})
    films = TrainingFilms(noise(24, spec, seed=1), noise(12, spec, seed=2), spec)
    held: list[tuple[int, float, int]] = []

    def look(step) -> None:
        if step.message.startswith("epoch "):
            epoch = int(step.message.split()[1])
            if epoch in (epochs // 10, epochs):
                held.append((epoch, memory_mb(), open_files()))

    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        checkpoints = AfterEveryStep(Path(folder), identity={}, circumstances={})
        trained(recipe, films, checkpoints, progress=look)
        n_files = len(list(Path(folder).iterdir()))
    print("| after epoch | memory | open files |")
    print("|---|---|---|")
    for epoch, memory, files in held:
        print(f"| {epoch} | {memory:.1f} MB | {files} |")
    print(f"\n{checkpoints.n_written} checkpoints were written, {n_files} files are kept")


def memory_mb() -> float:
    """Return the memory that this process holds now; the most so far where no one says."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


def parsed() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", action="append")
    parser.add_argument("--films", type=int, default=250)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--side", type=int, default=0, help="pixels, instead of the recipe's")
    parser.add_argument("--flat", action="store_true")
    parser.add_argument("--scratch", type=Path, help="a folder on the disk that is meant")
    return parser.parse_args()


if __name__ == "__main__":
    asked = parsed()
    if asked.flat:
        print_growth(asked.epochs, asked.scratch)
    else:
        print_costs(asked)
    print(f"\n{machine()}, load {os.getloadavg()[0]:.1f}")
