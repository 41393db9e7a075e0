"""Environment -> one frozen object; the only reader of environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from carina.errors import UsageError


@dataclass(frozen=True, slots=True)
class Settings:
    """Where Carina keeps things on this machine.

    Attributes:
        cache_dir: decoded pixels and other things that can be made again
            (`CARINA_CACHE_DIR`).
        config_dir: the user's patient key (`CARINA_CONFIG_DIR`).
        patient_key: the key that hashes patients, if `CARINA_PATIENT_KEY` gives one;
            else None, and the key file in `config_dir` is used.
        runs_dir: where runs go without `--out` (`CARINA_RUNS_DIR`, default `runs`).
        max_upload_bytes: the most that one request to the server may bring
            (`CARINA_MAX_UPLOAD_MB`, default 64, in millions of bytes).
        browser: the browser that prints pages, as a path or a name (`CARINA_BROWSER`); ""
            for the first one that is found.
    """

    cache_dir: Path
    config_dir: Path
    patient_key: bytes | None = None
    runs_dir: Path = Path("runs")
    max_upload_bytes: int = 64_000_000
    browser: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that the environment describes.

        Raises:
            UsageError: if a variable does not hold what it is for.
        """
        variables = os.environ if environment is None else environment
        key = variables.get("CARINA_PATIENT_KEY")
        return cls(
            cache_dir=Path(variables.get("CARINA_CACHE_DIR") or _user_dir(variables, "cache")),
            config_dir=Path(variables.get("CARINA_CONFIG_DIR") or _user_dir(variables, "config")),
            patient_key=key.encode() if key else None,
            runs_dir=Path(variables.get("CARINA_RUNS_DIR") or "runs"),
            max_upload_bytes=1_000_000 * _megabytes(variables, "CARINA_MAX_UPLOAD_MB", default=64),
            browser=variables.get("CARINA_BROWSER") or "",
        )


def _megabytes(variables: Mapping[str, str], name: str, *, default: int) -> int:
    said = variables.get(name) or str(default)
    if not (said.isascii() and said.isdecimal() and int(said) > 0):
        raise UsageError(f"{name} must be a whole number of megabytes over 0, not '{said}'")
    return int(said)


def _user_dir(variables: Mapping[str, str], kind: str) -> Path:
    """Return the platform's folder for a user's caches or configuration."""
    if sys.platform == "win32" and variables.get("LOCALAPPDATA"):
        return Path(variables["LOCALAPPDATA"]) / "carina" / kind
    home = Path(variables.get("HOME") or variables.get("USERPROFILE") or ".")
    if sys.platform == "darwin":
        return home / "Library" / ("Caches" if kind == "cache" else "Preferences") / "carina"
    return Path(variables.get(f"XDG_{kind.upper()}_HOME") or home / f".{kind}") / "carina"
