"""Who vouches for a classifier: `signature.json`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from carina.domain.document import Document

LONGEST_NAME = 200
"""Characters of what a signer calls himself."""
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64  # RFC 8032, section 5.1
_SSH_KIND = b"ssh-ed25519"
_FINGERPRINT = "SHA256:"


class Signature(Document):
    """What a signer wrote beside a classifier's card.

    Attributes:
        algorithm: Ed25519 (RFC 8032).
        signer: what the signer calls himself, or ""; as true as the key is trusted.
        public_key: the 32 bytes of the signer's key, in base64.
        card_sha256: hex sha256 of `card.json`, which holds that of every other file.
        signature: the 64 bytes of the signature over `message`, in base64.
    """

    algorithm: Literal["ed25519"] = "ed25519"
    signer: str = Field(default="", max_length=LONGEST_NAME)
    public_key: str
    card_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    signature: str = ""

    @model_validator(mode="after")
    def _require_whole(self) -> Signature:
        if not self.signer.isprintable():
            raise ValueError("the signer's name holds characters that cannot be shown")
        _exactly(self.public_key, n_bytes=_KEY_BYTES, what="public_key")
        if self.signature:
            _exactly(self.signature, n_bytes=_SIGNATURE_BYTES, what="signature")
        return self

    @property
    def key_bytes(self) -> bytes:
        """The 32 bytes of the public key."""
        return base64.b64decode(self.public_key)

    @property
    def signature_bytes(self) -> bytes:
        """The 64 bytes of the signature."""
        return base64.b64decode(self.signature)

    @property
    def fingerprint(self) -> str:
        """What people compare of the key (`key_fingerprint`)."""
        return key_fingerprint(self.key_bytes)

    @property
    def message(self) -> bytes:
        """What is signed: every other value of the file, under a title that no other protocol
        signs, so that a key that also logs its owner in cannot be made to vouch."""
        lines = (
            f"Carina classifier signature, version {self.format_version}",
            f"made by Carina {json.dumps(self.carina_version)}",
            f"card sha256 {self.card_sha256}",
            f"key {self.fingerprint}",
            f"signer {json.dumps(self.signer)}",
        )
        return "".join(f"{line}\n" for line in lines).encode("ascii")

    def as_text(self) -> str:
        """Return the file's text, in the one form that a check takes: with any other byte it is
        not the file that was written."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that signatures are taken from.

    Attributes:
        fingerprint: of the key (`key_fingerprint`).
        name: what whoever trusts it calls it; "" if only the fingerprint was given.
    """

    fingerprint: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """What a look at a classifier's signature found.

    Attributes:
        fingerprint: of the key that the signature names; "" if there is no signature.
        signer: what the signer calls himself; a claim, as good as the key.
        trusted_as: the name, or else the fingerprint, under which the key is trusted; "" if it
            is none of the keys that were named.
        was_checked: whether the signature was held against the key; False where the extra
            `sign` is not installed.
        problem: what is wrong, the end of a sentence about the classifier; "" if nothing is.
    """

    fingerprint: str = ""
    signer: str = ""
    trusted_as: str = ""
    was_checked: bool = False
    problem: str = ""

    @property
    def is_signed(self) -> bool:
        """Whether there is a signature and nothing is wrong with it, as far as was checked."""
        return bool(self.fingerprint) and not self.problem

    @property
    def in_words(self) -> str:
        """What was found, in words.

        >>> SignatureCheck().in_words
        'not signed'
        >>> SignatureCheck(fingerprint="SHA256:k", trusted_as="lab", was_checked=True).in_words
        'signed by lab (SHA256:k)'
        """
        if self.problem:
            return self.problem
        if not self.fingerprint:
            return "not signed"
        if not self.was_checked:
            return (
                f"carries a signature of the key {self.fingerprint} that was not checked: "
                "the extra 'sign' is not installed"
            )
        if self.trusted_as == self.fingerprint:
            return f"signed by the trusted key {self.fingerprint}"
        if self.trusted_as:
            return f"signed by {self.trusted_as} ({self.fingerprint})"
        called = f", which calls itself '{self.signer}'" if self.signer else ""
        return f"signed with the key {self.fingerprint}{called}; no trusted key was named"


def key_fingerprint(public_key: bytes) -> str:
    """Return the fingerprint of an Ed25519 key as `ssh-keygen -l` prints it.

    That is the SHA-256 of the key as RFC 8709, section 4, encodes it, in base64 without padding.

    Args:
        public_key: its 32 bytes.

    >>> key_fingerprint(bytes(32))
    'SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk'
    """
    parts = (_SSH_KIND, public_key)
    encoded = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    digest = hashlib.sha256(encoded).digest()
    return _FINGERPRINT + base64.b64encode(digest).decode("ascii").rstrip("=")


def is_fingerprint(text: str) -> bool:
    """Return whether a text is a fingerprint rather than the name of a file.

    >>> is_fingerprint(key_fingerprint(bytes(32))), is_fingerprint("SHA256:short")
    (True, False)
    """
    try:
        digest = base64.b64decode(text.removeprefix(_FINGERPRINT) + "=", validate=True)
    except (ValueError, binascii.Error):
        return False
    return text.startswith(_FINGERPRINT) and len(digest) == hashlib.sha256().digest_size


def _exactly(text: str, *, n_bytes: int, what: str) -> None:
    """Refuse what is not the one way to write so many bytes in base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != n_bytes or base64.b64encode(data).decode("ascii") != text:
        raise ValueError(f"{what} is not the base64 of {n_bytes} bytes")
