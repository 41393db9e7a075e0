"""`carina sign`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.terminal import JsonFlag, as_typed, note, show, show_json
from carina.errors import UsageError

if TYPE_CHECKING:
    from carina.workflows.signing import Signed


def sign(
    classifier: Annotated[
        str | None,
        typer.Argument(
            metavar="CLASSIFIER",
            help="A classifier's folder, or a run; leave it out to make a key alone.",
            show_default=False,
        ),
    ] = None,
    *,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Your secret Ed25519 key: made here, by OpenSSL or by ssh-keygen.",
            show_default=False,
        ),
    ] = None,
    new_key: Annotated[
        str | None,
        typer.Option(
            "--new-key",
            metavar="FILE",
            help="Make a key in this file, readable by you alone, and its public half in FILE.pub.",
            show_default=False,
        ),
    ] = None,
    lock: Annotated[
        bool,
        typer.Option("--lock", help="Ask for a passphrase that locks the new key."),
    ] = False,
    name: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="What you want to be called; who checks believes the key, not this.",
            show_default=False,
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """Sign a classifier with your key, so that carina verify and serve can tell who made it."""
    from carina.workflows.signing import sign as run

    if lock and new_key is None:
        raise UsageError("--lock locks a new key; it needs --new-key FILE")
    asks = lock or key is not None
    passphrase = (lambda: _asked(is_new=lock)) if asks else None
    made = run(classifier, key=key, new_key=new_key, name=name, passphrase=passphrase)
    if as_json:
        show_json(made.as_values())
    else:
        _show(made, is_new=new_key is not None)
    return 0


def _asked(*, is_new: bool) -> str:
    """Return the passphrase that the user types, unseen."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for the passphrase on; set CARINA_KEY_PASSPHRASE"
        )
    words = "Passphrase for the new key" if is_new else "Passphrase of the key"
    typed: str = typer.prompt(words, hide_input=True, confirmation_prompt=is_new, err=True)
    return typed


def _show(made: Signed, *, is_new: bool) -> None:
    from carina.workflows.signing import public_file

    public = public_file(made)
    if is_new:
        note(f"made: {made.key} (secret: keep it, and give it to nobody) and {public}")
    if made.replaced:
        note(f"replaced an earlier signature; the classifier was: {made.replaced}")
    if made.classifier is not None:
        show(f"signed: {made.classifier}")
    show(f"key: {made.fingerprint}")
    if made.classifier is not None:
        known_by = public or made.fingerprint
        words = shlex.join(["carina", "verify", str(made.classifier), "--signer", str(known_by)])
        show(f"next: {as_typed(words)}")
