"""A classifier's signature, checked: who vouches for it, and whether that is still the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from carina.domain.signature import Signature, SignatureCheck, TrustedKey
from carina.errors import ClassifierError
from carina.files.digests import sha256_bytes
from carina.files.documents import document_of
from carina.files.signing_keys import require_signing
from carina.files.whole_files import read_whole

SIGNATURE = "signature.json"
"""The one file of a classifier that is not on its card, which it covers."""
UNSIGNED = SignatureCheck()
_MOST_BYTES = 10_000
_MOST_NAMED = 5


def check_signature(folder: Path, *, trusted: Sequence[TrustedKey] = ()) -> SignatureCheck:
    """Return what a look at a classifier's signature finds; nothing that is wrong with it raises.

    The signature covers `card.json`; that the other files are those of the card is the business
    of `bundle.checked_files`.

    Args:
        folder: the classifier's.
        trusted: the keys that may have signed it; then an unsigned classifier is a problem too.
            Any key if none is named.

    Raises:
        ClassifierError: if the card cannot be read.
        MissingExtraError: if keys are named and the extra `sign` is not installed.
    """
    card = read_whole(folder / "card.json", most_bytes=4_000_000, error=ClassifierError)
    return checked_signature(folder, card, trusted=trusted)


def require_signature(
    folder: Path, card: bytes, *, trusted: Sequence[TrustedKey] = ()
) -> SignatureCheck:
    """Return what was found of the signature of a classifier that may be loaded.

    Args:
        folder: the classifier's.
        card: the bytes of its card, as they are used.
        trusted: the keys that may have signed it; any and none if none is named.

    Raises:
        ClassifierError: if its signature is not that of this card, or it has none of a trusted
            key where keys are named.
        MissingExtraError: if keys are named and the extra `sign` is not installed.
    """
    found = checked_signature(folder, card, trusted=trusted)
    if found.problem:
        raise ClassifierError(f"the classifier {folder} {found.problem}")
    return found


def checked_signature(
    folder: Path, card: bytes, *, trusted: Sequence[TrustedKey]
) -> SignatureCheck:
    """Return what is found of a classifier's signature, as `check_signature` does.

    Args:
        folder: the classifier's.
        card: the bytes of its card.
        trusted: the keys that may have signed it.

    Raises:
        MissingExtraError: if keys are named and the extra `sign` is not installed.
    """
    if trusted:
        require_signing("checking a signature")
    can_check = find_spec("cryptography") is not None
    file = folder / SIGNATURE
    if not (file.exists() or file.is_symlink()):
        if not trusted:
            return UNSIGNED
        return SignatureCheck(
            problem=f"is not signed, and {_wanted(trusted)} was to have signed it"
        )
    try:
        data = read_whole(file, most_bytes=_MOST_BYTES, error=ClassifierError)
        signature = document_of(data, Signature, path=file, error=ClassifierError)
    except ClassifierError as error:
        return SignatureCheck(problem=f"has a damaged signature: {error}")
    found = SignatureCheck(fingerprint=signature.fingerprint, signer=signature.signer)
    if problem := _problem_of(signature, data, card, can_check=can_check):
        return replace(found, problem=problem)
    if not trusted:
        return replace(found, was_checked=can_check)
    return _trusted_or_not(found, trusted)


def _problem_of(signature: Signature, data: bytes, card: bytes, *, can_check: bool) -> str:
    """Return what is wrong with a signature, whoever made it; "" if nothing is."""
    if signature.as_text().encode() != data:
        return f"has a damaged signature: {SIGNATURE} is not as Carina writes it"
    if signature.card_sha256 != sha256_bytes(card):
        return (
            "was changed after it was signed, or carries the signature of another one: its card "
            f"has the sha256 {sha256_bytes(card)[:12]}..., and {signature.card_sha256[:12]}... "
            "was signed; take an unchanged copy, or ask its signer to sign it as it is now"
        )
    if can_check and not _fits(signature):
        return (
            f"has a forged or damaged signature: the key {signature.fingerprint} that it names "
            "did not make it; take an unchanged copy"
        )
    return ""


def _fits(signature: Signature) -> bool:
    """Return whether the key that a signature names made it."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(signature.key_bytes)
        key.verify(signature.signature_bytes, signature.message)
    except (InvalidSignature, ValueError):  # ValueError: the bytes are no point of the curve
        return False
    return True


def _trusted_or_not(found: SignatureCheck, trusted: Sequence[TrustedKey]) -> SignatureCheck:
    for key in trusted:
        if key.fingerprint == found.fingerprint:
            return replace(found, was_checked=True, trusted_as=key.name or key.fingerprint)
    called = f" ('{found.signer}', as it calls itself)" if found.signer else ""
    problem = f"is signed with the key {found.fingerprint}{called}, and not by {_wanted(trusted)}"
    return replace(found, was_checked=True, problem=problem)


def _wanted(trusted: Sequence[TrustedKey]) -> str:
    names = [f"{key.name} ({key.fingerprint})" if key.name else key.fingerprint for key in trusted]
    more = f" or {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{' or '.join(names[:_MOST_NAMED])}{more}"
