"""Patients appear nowhere but as a keyed hash."""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from carina.errors import StorageError, UsageError
from carina.files.atomic import flush_folder, storage_errors
from carina.files.user_folders import warn_if_temporary

KEY_FILE = "patient.key"
MIN_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class PatientKey:
    """One user's secret, under which patient numbers are hashed.

    Attributes:
        key: the secret; never shown, logged or written but in the key file.
    """

    key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that tell keys apart and tell nothing of the key."""
        return hmac.digest(self.key, b"carina patient key fingerprint", "sha256").hex()[:16]

    def hash(self, namespace: str, patient: str) -> str:
        """Return 16 hex digits of HMAC-SHA256 for a patient of one numbering.

        Args:
            namespace: the numbering ("nih", "manifest", ...).
            patient: the number in it.

        >>> key = PatientKey(b"an example key, not for use")
        >>> key.hash("nih", "00000150") == key.hash("manifest", "00000150")
        False
        """
        message = f"{namespace}\x1f{patient}".encode("utf-8", "surrogatepass")
        return hmac.digest(self.key, message, "sha256").hex()[:16]


def load_patient_key(config_dir: Path, *, given: bytes | None) -> PatientKey:
    """Return the user's key; the first call on a machine makes it.

    Args:
        config_dir: where the key file `patient.key` lies (64 hex digits, mode 0600).
        given: the key of `CARINA_PATIENT_KEY`; then no file is read or made.

    Raises:
        StorageError: if the key file is damaged, or cannot be read or made.
        UsageError: if `given` is too short to keep patient numbers secret.
    """
    if given is not None:
        if len(given) < MIN_KEY_BYTES:
            raise UsageError(
                f"CARINA_PATIENT_KEY has {len(given)} bytes; a key needs {MIN_KEY_BYTES} or more, "
                "or patient numbers could be guessed back (unset it to use a key of your own)"
            )
        return PatientKey(given)
    path = config_dir / KEY_FILE
    what = "the key that hashes patients"
    warn_if_temporary(config_dir, what=what, variable="CARINA_CONFIG_DIR")
    with storage_errors(path):
        if not path.exists():
            _make_key(path)
        text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < MIN_KEY_BYTES:
        raise StorageError(
            f"{path} is damaged: 64 hex digits were expected; put a copy of the key back, or "
            "remove the file for a new key (patients of earlier runs then cannot be compared)"
        )
    return PatientKey(key)


def _make_key(path: Path) -> None:
    """Write a new key, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.exists():
            return
        # mkstemp makes the file with mode 0600, before anything is in it.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(32) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(path)
            flush_folder(path.parent)
        finally:
            Path(name).unlink(missing_ok=True)
