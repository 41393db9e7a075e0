"""Ed25519 keys in files: a user's own that signs, and those of others that are trusted.

Read are PEM (PKCS 8 and SubjectPublicKeyInfo, RFC 8410) and what `ssh-keygen -t ed25519` writes.
Everything here needs the extra `sign`.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carina.domain.signature import TrustedKey, is_fingerprint, key_fingerprint
from carina.errors import MissingExtraError, SigningKeyError, UsageError
from carina.files.atomic import storage_errors, write_bytes
from carina.files.whole_files import read_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_MOST_BYTES = 100_000
_MOST_KEYS = 1_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SSH_BEGINNING = b"-----BEGIN OPENSSH PRIVATE KEY-----"


def make_signing_key(file: Path, *, passphrase: str | None = None) -> Path:
    """Write a new key, readable by its owner alone, and return the file of its public half.

    Args:
        file: where the secret half goes, as PKCS 8 in PEM; it must not exist. The public half
            goes beside it, with `.pub` at its end, in the one line of OpenSSH.
        passphrase: what locks the file; None for a file without a lock.

    Raises:
        UsageError: if one of the files exists, or the passphrase is empty.
        StorageError: if there is no room or no permission.
    """
    require_signing("making a key")
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = public_half(file)
    if passphrase == "":
        raise UsageError("an empty passphrase locks nothing; give one, or ask for no lock")
    for taken in (file, public):
        if taken.exists() or taken.is_symlink():
            raise UsageError(f"{taken} is there already; name a new file, a key is never replaced")
    key = Ed25519PrivateKey.generate()
    lock: forms.KeySerializationEncryption = forms.NoEncryption()
    if passphrase is not None:
        lock = forms.BestAvailableEncryption(passphrase.encode())
    secret = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, lock)
    line = key.public_key().public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH)
    with storage_errors(file, option="--new-key"):
        file.parent.mkdir(parents=True, exist_ok=True)
        # Made with its mode, before anything is in it; O_EXCL follows no link.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(secret)
            stream.flush()
            os.fsync(stream.fileno())
    write_bytes(public, line + b"\n")
    return public


def require_signing(what: str) -> None:
    """Check that the extra `sign` is installed, without importing it.

    Raises:
        MissingExtraError: if it is not; `what` needs it.
    """
    if find_spec("cryptography") is None:
        raise MissingExtraError(needed_for=what, extra="sign")


def public_half(file: Path) -> Path:
    """Return where the public half of a key is kept: beside it, as `ssh-keygen` does."""
    return file.with_name(f"{file.name}.pub")


def signing_key(file: Path, *, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    """Return the secret key in a file of the user's.

    Args:
        file: PEM or OpenSSH; on POSIX it must be readable by its owner alone.
        passphrase: asked if the file is locked.

    Raises:
        SigningKeyError: if others may read the file, it holds no Ed25519 key, or the passphrase
            is wrong.
        MissingExtraError: if the extra `sign` is not installed.
    """
    require_signing("signing")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = read_whole(file, most_bytes=_MOST_BYTES, error=SigningKeyError)
    if data.startswith((b"ssh-", b"-----BEGIN PUBLIC KEY-----")):
        raise SigningKeyError(
            f"{file} is the public half of a key, which signs nothing; name the secret half"
        )
    _require_private(file)
    key = _unlocked(file, data, None)
    if key is None:
        key = _unlocked(file, data, passphrase().encode())
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{file} holds another kind of key; {_MAKE_ONE}")
    return key


def trusted_keys(named: Sequence[str | Path]) -> tuple[TrustedKey, ...]:
    """Return the keys that a user trusts.

    Args:
        named: each a fingerprint (`SHA256:...`), a file with one public key, or a folder of
            such files. What a key is called is its file's name without its ending.

    Raises:
        SigningKeyError: if there is no such file, one holds no public Ed25519 key, or a folder
            holds none.
        MissingExtraError: if keys are named and the extra `sign` is not installed.
    """
    if named:
        require_signing("checking a signature")
    found: list[TrustedKey] = []
    for name in named:
        if is_fingerprint(str(name)):
            found.append(TrustedKey(str(name)))
        elif str(name).startswith("SHA256:") and not Path(name).exists():
            raise SigningKeyError(
                f"{name} is no fingerprint: SHA256: and 43 characters are one, as ssh-keygen -l "
                "prints it"
            )
        elif Path(name).is_dir():
            found += [_trusted_key(file) for file in _files_of(Path(name))]
        else:
            found.append(_trusted_key(Path(name)))
    return tuple(found)


_MAKE_ONE = (
    "an Ed25519 key is needed: carina sign --new-key FILE makes one, and so does ssh-keygen -t "
    "ed25519"
)


def _require_private(file: Path) -> None:
    """Refuse a secret that others may read, as ssh does."""
    if sys.platform == "win32":
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _OTHERS:
        raise SigningKeyError(
            f"{file} can be read or changed by others (its mode is {mode:04o}); a secret key is "
            f"its owner's alone: chmod 600 {file}"
        )


def _unlocked(file: Path, data: bytes, passphrase: bytes | None) -> Any:
    """Return the secret key in a file's bytes, or None if it is locked and no passphrase given."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as forms

    load = forms.load_pem_private_key
    if data.lstrip().startswith(_SSH_BEGINNING):
        load = forms.load_ssh_private_key
    try:
        return load(data, passphrase)
    except TypeError:  # how the library says that a key is locked
        return None
    except UnsupportedAlgorithm as error:
        raise SigningKeyError(
            f"{file} is locked in a way that cannot be undone here ({error}); pip install bcrypt "
            "for locked keys of OpenSSH, or make another key: carina sign --new-key FILE"
        ) from error
    except ValueError as error:
        if passphrase is not None:
            raise SigningKeyError(
                f"{file} cannot be unlocked: the passphrase is wrong, or the file is damaged"
            ) from error
        raise SigningKeyError(
            f"{file} holds no secret key that can be read; {_MAKE_ONE}"
        ) from error


def _files_of(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    if not 0 < len(files) <= _MOST_KEYS:
        raise SigningKeyError(
            f"{folder} holds {len(files):,} files; a folder of trusted keys holds 1 to "
            f"{_MOST_KEYS:,}, each with one public key"
        )
    return files


def _trusted_key(file: Path) -> TrustedKey:
    """Return the public key in a file, called as the file is."""
    data = read_whole(file, most_bytes=_MOST_BYTES, error=SigningKeyError)
    key = _public_key(file, data)
    return TrustedKey(key_fingerprint(key.public_bytes_raw()), file.stem)


def _public_key(file: Path, data: bytes) -> Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text = data.strip()
    if b"PRIVATE KEY-----" in text[:60]:
        raise SigningKeyError(
            f"{file} holds a secret key, which nobody else should have; name its public half "
            "(FILE.pub)"
        )
    try:
        is_pem = text.startswith(b"-----")
        key = forms.load_pem_public_key(text) if is_pem else forms.load_ssh_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(
            f"{file} holds no public key; it should hold one line that begins with 'ssh-ed25519', "
            "or '-----BEGIN PUBLIC KEY-----'"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SigningKeyError(f"{file} holds another kind of key; {_MAKE_ONE}")
    return key
