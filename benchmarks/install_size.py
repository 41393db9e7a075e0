"""What a page that answers for a film needs on the disk and at its start: Carina against
Gradio and Streamlit pages that do the same job.

Each gets a new environment with pip's own choice of versions; its size is that of all files
that its packages brought (pip and setuptools, which were there before, are not counted), in
MB of 10^6 bytes; the bytecode that pip compiles of them, a cache of Python's, stands beside
it. The same job is: take a PNG, JPEG or DICOM film, prepare it, run an ONNX network, show the
answer; so the other two get ONNX Runtime, Pillow and pydicom beside their page, as a user
would install them. The import time is the median of fresh processes that import what such a
page imports, less that of an empty one.

    python benchmarks/install_size.py [--scratch DIR] [--repeats N] [--largest N]
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_TMP = _ROOT / "tmp"  # git ignores it
_LIMIT_MB = 220
_ANSWERING = ("onnxruntime", "pillow", "pydicom")
_NOT_COUNTED = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")


@dataclass(frozen=True)
class Page:
    """One way to have the page.

    Attributes:
        name: the table's word for it.
        packages: what pip is asked for.
        imports: what its process imports before it can answer.
        forbidden: packages that must not come with it.
    """

    name: str
    packages: tuple[str, ...]
    imports: str
    forbidden: tuple[str, ...] = ()


_TRAINING_AND_STUDY = ("torch", "tensorflow", "keras", "jax", "sklearn", "pandas", "matplotlib")
PAGES = (
    Page(
        "Carina, carina[web]",
        (f"{_ROOT}[web]",),
        "import uvicorn, onnxruntime, pydicom, PIL.Image; from carina.web import create_app; "
        "from carina.inference.bundle import load_classifier",
        forbidden=_TRAINING_AND_STUDY,
    ),
    Page(
        "Gradio",
        ("gradio", *_ANSWERING),
        "import gradio, onnxruntime, pydicom, PIL.Image",
    ),
    Page(
        "Streamlit",
        ("streamlit", *_ANSWERING),
        "import streamlit, streamlit.web.bootstrap, onnxruntime, pydicom, PIL.Image",
    ),
)


def main(arguments: argparse.Namespace) -> None:
    """Install and measure each page, and print the table."""
    print(
        "| page | size MB | with bytecode MB | packages | import s | largest |\n"
        "|---|---|---|---|---|---|"
    )
    over = []
    for page in PAGES:
        place = arguments.scratch / page.name.split(",")[0].casefold()
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        python = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", *page.packages]
        subprocess.run(install, check=True)
        sizes = sizes_mb(site_packages(python), with_bytecode=False)
        total = sum(sizes.values())
        with_bytecode = sum(sizes_mb(site_packages(python), with_bytecode=True).values())
        largest = sorted(sizes, key=lambda name: -sizes[name])[: arguments.largest]
        listed = ", ".join(f"{name} {sizes[name]:.0f}" for name in largest)
        n_packages = sum(name.endswith(".dist-info") for name in sizes)
        seconds = import_seconds(python, page.imports, arguments.repeats)
        print(
            f"| {page.name} | {total:.0f} | {with_bytecode:.0f} | {n_packages} | {seconds:.2f} "
            f"| {listed} |"
        )
        over += [f"{page.name} brings {name}" for name in page.forbidden if name in sizes]
        if page.forbidden and total > _LIMIT_MB:
            over.append(f"{page.name} takes {total:.0f} MB; {_LIMIT_MB} are the most")
    if over:
        sys.exit("; ".join(over))


def site_packages(python: Path) -> Path:
    """Return the folder that pip installs into."""
    words = [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
    return Path(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip())


def sizes_mb(folder: Path, *, with_bytecode: bool) -> dict[str, float]:
    """Return the size of each thing that stands in a folder, in MB."""
    return {
        entry.name: sum(
            file.stat().st_size
            for file in (entry, *entry.rglob("*"))
            if file.is_file() and (with_bytecode or file.suffix != ".pyc")
        )
        / 1e6
        for entry in folder.iterdir()
        if not entry.name.startswith(_NOT_COUNTED)
    }


def import_seconds(python: Path, imports: str, repeats: int) -> float:
    """Return the median seconds of some imports in a new process, less an empty one's."""
    taken: dict[str, list[float]] = {imports: [], "pass": []}
    for turn in range(repeats + 1):
        for code, seconds in taken.items():
            began = time.perf_counter()
            subprocess.run([str(python), "-c", code], check=True, capture_output=True)
            if turn:  # the first one fills the disk's cache
                seconds.append(time.perf_counter() - began)
    return statistics.median(taken[imports]) - statistics.median(taken["pass"])


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scratch", type=Path, default=_TMP / "install_size")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--largest", type=int, default=8, help="how many packages are named")
    return parser


if __name__ == "__main__":
    main(options().parse_args())
