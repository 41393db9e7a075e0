"""Install Carina's core and web in a fresh environment of other Python versions, and use it.

Run by `make check`: a version whose interpreter is not on this machine is "not run".
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]
VERSIONS = ("3.12", "3.13")


def interpreter(version: str) -> str | None:
    """Return a working interpreter of a version, or None."""
    candidates = [shutil.which(f"python{version}")]
    roots = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [str(path / "bin" / "python") for path in sorted(roots.glob(f"{version}.*"))]
    for candidate in filter(None, candidates):
        trial = subprocess.run([candidate, "--version"], capture_output=True, check=False)
        if trial.returncode == 0:
            return candidate
    return None


def check(python: str, folder: Path) -> None:
    """Install from the lock and run the tests that need no torch."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    own = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [str(own), "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-r", "requirements/serve.lock"], check=True)
    subprocess.run([*pip, "--no-build-isolation", "-e", "."], check=True)
    subprocess.run([str(own), "-m", "pip", "check"], check=True)
    environment = os.environ | {"CARINA_TEST_PYTHON": str(own)}
    tests = ["tests/e2e/test_without_torch.py"]
    subprocess.run([sys.executable, "-m", "pytest", *tests], env=environment, check=True)


def main() -> None:
    """Check every version that is present."""
    os.chdir(PROJECT)
    for version in VERSIONS:
        python = interpreter(version)
        if python is None:
            print(f"Python {version}: not run (no interpreter on this machine)")
            continue
        with tempfile.TemporaryDirectory() as folder:
            check(python, Path(folder) / "environment")
        print(f"Python {version}: core, study and web installed and tested")


if __name__ == "__main__":
    main()
