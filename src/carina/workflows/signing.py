"""A user's key put to a classifier: from then on any change to it can be told."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carina.domain.card import Card
from carina.domain.signature import LONGEST_NAME, Signature, key_fingerprint
from carina.errors import ClassifierError, UsageError
from carina.files.atomic import write_text
from carina.files.digest_list import renew_digests
from carina.files.digests import sha256_bytes
from carina.files.documents import document_of
from carina.files.owners import added_to
from carina.files.signing_keys import make_signing_key, public_half, signing_key
from carina.files.whole_files import read_whole
from carina.inference.bundle import CARD, NETWORK, checked_files, classifier_folder
from carina.inference.card_checks import require_consistent
from carina.inference.signatures import SIGNATURE, check_signature
from carina.runs import whole_run
from carina.settings import Settings
from carina.workflows.extras import require_extra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MOST_CARD_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Signed:
    """What `sign` made.

    Attributes:
        fingerprint: of the key, as `ssh-keygen -l` prints it.
        public_key: the key's public half, in the one line of OpenSSH.
        key: the file of the secret half.
        classifier: the folder that was signed; None if only a key was made.
        replaced: what the classifier's earlier signature was, in words; "" if it had none.
    """

    fingerprint: str
    public_key: str
    key: Path
    classifier: Path | None = None
    replaced: str = ""

    def as_values(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        signature = None if self.classifier is None else str(self.classifier / SIGNATURE)
        return {
            "fingerprint": self.fingerprint,
            "public_key": self.public_key,
            "key": str(self.key),
            "signature": signature,
            "replaced": self.replaced,
        }


def sign(
    classifier: str | Path | None = None,
    *,
    key: str | Path | None = None,
    new_key: str | Path | None = None,
    name: str = "",
    passphrase: str | Callable[[], str] | None = None,
    settings: Settings | None = None,
) -> Signed:
    """Sign a classifier with an Ed25519 key, make such a key, or both.

    The signature is written beside the card as `signature.json` and covers every byte of the
    classifier; one that is there is replaced.

    Args:
        classifier: a classifier's folder, or a run; None to make a key alone.
        key: the file of a secret key, of Carina's, OpenSSL's or OpenSSH's making.
        new_key: a file to make a key in; its public half goes beside it, as FILE.pub.
        name: what the signer wants to be called; whoever checks believes the key, not this.
        passphrase: what locks a new key (None: it is not locked) or unlocks `key`, or a
            function that asks for it where it is needed; CARINA_KEY_PASSPHRASE goes before it.
        settings: the environment's if None.

    Raises:
        UsageError: if not one of `key` and `new_key` is given, or the new key's file exists.
        SigningKeyError: if the key cannot be used.
        ClassifierError: if the classifier is not whole: what is damaged is not signed.
        MissingExtraError: if the extra `sign` is not installed.
    """
    require_extra("sign", needed_for="carina sign")
    file = _key_file(key, new_key, classifier=classifier, name=name)
    settings = settings or Settings.from_environment()
    given = settings.key_passphrase or passphrase
    folder = None if classifier is None else classifier_folder(Path(classifier))
    if folder is not None:
        _require_apart(file, folder)
        card = _whole_card(folder)
    if new_key is not None:
        given = given() if callable(given) else given
        make_signing_key(file, passphrase=given)
    secret = signing_key(file, passphrase=lambda: _said(given, file))
    made = _signed(secret, file)
    if folder is None:
        return made
    replaced = _write_signature(folder, _signature(secret, card, name=name))
    return Signed(made.fingerprint, made.public_key, file, folder, replaced)


def _key_file(
    key: str | Path | None, new_key: str | Path | None, *, classifier: object, name: str
) -> Path:
    """Return the file of the key, once the arguments fit together."""
    chosen = key if new_key is None else new_key
    if chosen is None or (key is not None and new_key is not None):
        raise UsageError(
            "one key is needed: --key FILE names one that you have, --new-key FILE makes one"
        )
    if classifier is None and new_key is None:
        raise UsageError(
            "no classifier is named; --key signs one: carina sign CLASSIFIER --key FILE"
        )
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(
            f"--name has {len(name):,} characters; it should be one line of at most {LONGEST_NAME}"
        )
    return Path(chosen)


def _require_apart(file: Path, folder: Path) -> None:
    """Refuse a secret key in the folder that is handed over."""
    run = _run_of(folder) or folder
    if file.resolve().is_relative_to(run.resolve()):
        raise UsageError(
            f"{file} lies in {run}, which is handed over as a whole; keep a secret key elsewhere"
        )


def _whole_card(folder: Path) -> bytes:
    """Return the bytes of a classifier's card, once every file was found to be as it says."""
    text = read_whole(folder / CARD, most_bytes=_MOST_CARD_BYTES, error=ClassifierError)
    card = document_of(text, Card, path=folder / CARD, error=ClassifierError)
    require_consistent(card, path=folder / CARD, network=NETWORK)
    checked_files(folder, card)
    return text


def _said(given: str | Callable[[], str] | None, file: Path) -> str:
    passphrase = given() if callable(given) else given
    if not passphrase:
        raise UsageError(f"{file} is locked; set CARINA_KEY_PASSPHRASE, or give its passphrase")
    return passphrase


def _signed(secret: Ed25519PrivateKey, file: Path) -> Signed:
    from cryptography.hazmat.primitives import serialization as forms

    public = secret.public_key()
    line = public.public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH)
    return Signed(key_fingerprint(public.public_bytes_raw()), line.decode("ascii"), file)


def _signature(secret: Ed25519PrivateKey, card: bytes, *, name: str) -> Signature:
    public = base64.b64encode(secret.public_key().public_bytes_raw()).decode("ascii")
    unsigned = Signature(signer=name, public_key=public, card_sha256=sha256_bytes(card))
    made = base64.b64encode(secret.sign(unsigned.message)).decode("ascii")
    return unsigned.model_copy(update={"signature": made})


def _write_signature(folder: Path, signature: Signature) -> str:
    """Write a signature, and return what it took the place of, in words."""
    run = _run_of(folder)
    # A lock in the classifier's own folder would be a file that is not on its card.
    with nullcontext() if run is None else added_to(whole_run(run)):
        before = check_signature(folder)
        write_text(folder / SIGNATURE, signature.as_text())
        if run is not None:
            renew_digests(run, [folder / SIGNATURE])
    was_signed = before.fingerprint or before.problem
    return before.in_words if was_signed else ""


def _run_of(folder: Path) -> Path | None:
    """Return the run that a classifier's folder belongs to, or None."""
    run = folder.absolute().parent
    return run if folder.name == "classifier" and (run / "recipe.toml").is_file() else None


def public_file(made: Signed) -> Path | None:
    """Return the file with the public half of the key that was used, or None if there is none."""
    file = public_half(made.key)
    return file if file.is_file() else None
