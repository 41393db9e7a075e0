"""two-conv at 150x150, batch 32: Carina's fit loop against a plain PyTorch loop.

Plain: fp32, default memory layout, torch's own Adam and dropout, zoom and flip by OpenCV
one after the other in the loop. Both train on the same prepared films with the same
augmentation ranges. Each measurement is a process of its own, and they take turns.

    python benchmarks/two_conv_step.py [turns] [films] [epochs]
"""

import statistics
import subprocess
import sys
import time

import cv2
import numpy as np
import torch
from torch import nn

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import AugmentSection, NetworkSection, TrainSection
from carina.models.build import build_network
from carina.training.films import FilmPart, TrainingFilms
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice

SIDE, BATCH = 150, 32
COLUMNS = ("plain fp32", "Carina fp32", "Carina bf16")


def films(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return uint16 levels of noise and their labels."""
    levels = np.random.default_rng(0).integers(0, 65536, (n, SIDE, SIDE), dtype=np.uint16)
    return levels, np.arange(n) % 2


def carina(n: int, epochs: int, precision: str) -> float:
    """Return the images per second of Carina's loop."""
    levels, labels = films(n)
    spec = InputSpec(height=SIDE, width=SIDE)

    def part(size: int) -> FilmPart:
        keys = tuple(str(i) for i in range(size))
        return FilmPart(keys, labels[:size], lambda wanted: levels[[int(key) for key in wanted]])

    result = fit(
        build_network(NetworkSection(), spec=spec, n_classes=2, seed=0),
        TrainingFilms(train=part(n), validation=part(8), spec=spec),
        train=TrainSection(epochs=epochs, batch_size=BATCH),
        augment=AugmentSection(zoom=0.2, horizontal_flip=True),
        precision=PrecisionChoice(precision, "the benchmark says so"),
    )
    return result.images_per_second


class Plain(nn.Sequential):
    """The network as a PyTorch tutorial writes it."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Dropout(0.25), nn.Flatten(), nn.Linear(64 * 36 * 36, 256), nn.ReLU(),
            nn.Dropout(0.5), nn.Linear(256, 1),
        )  # fmt: skip


def plain(n: int, epochs: int) -> float:
    """Return the images per second of the plain loop."""
    levels, labels = films(n)
    rng = np.random.default_rng(0)
    network = Plain().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, eps=1e-7)
    loss_of = nn.BCEWithLogitsLoss()
    rates = []
    for _ in range(epochs):
        began = time.perf_counter()
        order = rng.permutation(n)
        for at in range(0, n, BATCH):
            chosen = order[at : at + BATCH]
            images = np.stack([changed(levels[i] / np.float32(65535), rng) for i in chosen])
            z = network(torch.from_numpy(images).unsqueeze(1))
            loss = loss_of(z[:, 0], torch.from_numpy(labels[chosen]).float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        rates.append(n / (time.perf_counter() - began))
    return statistics.median(rates)


def changed(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a zoomed and perhaps mirrored film."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 0, rng.uniform(0.8, 1.2))
    film = cv2.warpAffine(film, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    return cv2.flip(film, 1) if rng.random() < 0.5 else film


def measured(column: str, n: int, epochs: int) -> float:
    """Return the images per second of one column, measured in a process of its own."""
    command = [sys.executable, __file__, "--column", column, str(n), str(epochs)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main(turns: int = 3, n: int = 320, epochs: int = 3) -> None:
    """Print the table."""
    rates: dict[str, list[float]] = {column: [] for column in COLUMNS}
    for _ in range(turns):
        for column, taken in rates.items():
            taken.append(measured(column, n, epochs))
    base = statistics.median(rates[COLUMNS[0]])
    print(f"two-conv, {SIDE} x {SIDE}, batch {BATCH}, {n} films, {epochs} epochs, {turns} turns")
    print("| loop | images/s (median) | lowest | highest | times plain |\n|---|---|---|---|---|")
    for column, taken in rates.items():
        median = statistics.median(taken)
        print(
            f"| {column} | {median:.0f} | {min(taken):.0f} | {max(taken):.0f} "
            f"| {median / base:.2f} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--column"]:
        name, n_films, n_epochs = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
        if name == COLUMNS[0]:
            print(plain(n_films, n_epochs))
        else:
            print(carina(n_films, n_epochs, name.split()[1]))
    else:
        main(*(int(argument) for argument in sys.argv[1:]))
