"""A classifier as a folder: saved whole, loaded only if nothing in it was changed."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from carina.domain.card import Card
from carina.errors import ClassifierError, UsageError
from carina.files.atomic import (
    UNFINISHED,
    flush_folder,
    make_folder,
    storage_errors,
    umask,
    write_bytes,
)
from carina.files.digests import sha256_bytes
from carina.files.documents import document_of, write_document
from carina.files.names import one_line
from carina.files.plain_json import parse_json
from carina.files.signing_keys import trusted_keys
from carina.files.tables import table_text
from carina.files.whole_files import read_whole
from carina.inference.card_checks import require_consistent
from carina.inference.classifier import Classifier
from carina.inference.onnx_files import MOST_BYTES
from carina.inference.runtime_choice import UNCHECKED_CAUTION, choose_runtime
from carina.inference.seen_rows import SEEN_COLUMNS
from carina.inference.signatures import SIGNATURE, require_signature

CARD = "card.json"
NETWORK = "network.onnx"
SEEN = "seen.csv"
README = "README.md"
# What the file browsers of macOS and Windows leave in a folder that was looked at.
_BROWSER_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
# A card has 10 kB. A network of MOST_BYTES and heads with most of its weights are the largest
# classifier; all are held in memory at once.
_MOST_CARD_BYTES = 4_000_000
_MOST_BYTES = 3 * MOST_BYTES
_MOST_NAMED = 12


def load_classifier(
    path: Path | str,
    *,
    runtime: str = "onnxruntime",
    precision: str = "f32",
    threads: int = 0,
    films_expected: int | None = None,
    signers: Sequence[str | Path] = (),
) -> Classifier:
    """Return the classifier in a folder, once every byte of it has been checked.

    Args:
        path: a classifier's folder, or a run (a folder that holds `classifier/`).
        runtime: a registered runtime, or "auto" for what the rule of `choose_runtime` takes.
        precision: what the layers compute in: "f32"; "bf16", where the card offers it and the
            runtime has it; "bf16-unchecked", which adds a caution to every answer.
        threads: CPU threads of one answer; 0 for all cores.
        films_expected: how many films will be answered, for "auto"; None for many.
        signers: the keys of which one must have signed it, each a fingerprint, a file or a
            folder of files (`signing_keys.trusted_keys`); any and none if none is named.

    Raises:
        ClassifierError: if there is no classifier, it is of a newer format, its network does
            not fit its card, or a file is missing, changed or not on the card; all such
            files are named. And if its signature is not that of its card, or not one of
            `signers`.
        CouldNotError: if the runtime, or the noise filter that its films pass, is not there.
        UnknownNameError: if there is no such runtime or precision.
        UsageError: if the precision is not to be had.
    """
    folder = classifier_folder(Path(path))
    text = read_whole(folder / CARD, most_bytes=_MOST_CARD_BYTES, error=ClassifierError)
    card = document_of(text, Card, path=folder / CARD, error=ClassifierError)
    require_consistent(card, path=folder / CARD, network=NETWORK)
    chosen = choose_runtime(
        runtime, precision=precision, films_expected=films_expected, serving=card.serving
    )
    signature = require_signature(folder, text, trusted=trusted_keys(signers))
    files = checked_files(folder, card)
    return Classifier(
        _cautioned(card, precision),
        digest=sha256_bytes(text),
        files=files,
        runtime=chosen,
        threads=threads,
        signature=signature,
    )


def save_classifier(
    folder: Path,
    card: Card,
    *,
    network: bytes,
    heads: Mapping[str, bytes],
    seen: Sequence[Mapping[str, str]],
    readme: str,
) -> Card:
    """Write a classifier's folder, whole or not at all, and return its card with the digests.

    Args:
        folder: must not exist, or be empty.
        card: everything but `files`.
        network: `network.onnx`.
        heads: file name -> bytes, as the card's `explanations` name them; and what its `gate`
            names, if that was fitted.
        seen: rows with `SEEN_COLUMNS`.
        readme: the model card.

    Raises:
        UsageError: if something stands in the folder.
        StorageError: if there is no room or no permission.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; a classifier is written into a new folder")
    files = {
        NETWORK: network,
        **heads,
        SEEN: table_text(SEEN_COLUMNS, seen).encode(),
        README: readme.encode(),
    }
    digests = {name: sha256_bytes(data) for name, data in files.items()}
    whole = card.model_copy(update={"files": digests})
    with storage_errors(folder):
        make_folder(folder.parent)
        temporary = Path(
            tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=UNFINISHED, dir=folder.parent)
        )
    try:
        for name, data in files.items():
            write_bytes(temporary / name, data)
        write_document(temporary / CARD, whole)
        with storage_errors(folder):
            temporary.chmod(0o777 & ~umask())
            if folder.exists():
                folder.rmdir()
            temporary.replace(folder)
            flush_folder(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return whole


def write_card(folder: Path, card: Card, *, readme: str) -> str:
    """Write a classifier's card and model card again, and return the card's new digest.

    A signature of the earlier card goes first: whoever signed has not seen the new one.

    Args:
        folder: an existing classifier's.
        card: its card with other rules or words.
        readme: the model card.

    Raises:
        StorageError: if there is no room or no permission.
    """
    text = readme.encode()
    files = {**card.files, README: sha256_bytes(text)}
    with storage_errors(folder):
        (folder / SIGNATURE).unlink(missing_ok=True)
    write_bytes(folder / README, text)
    write_document(folder / CARD, card.model_copy(update={"files": files}))
    return sha256_bytes((folder / CARD).read_bytes())


def _cautioned(card: Card, precision: str) -> Card:
    """Return the card; where bf16 is taken that it does not offer, with a caution that says so."""
    if precision != "bf16-unchecked" or (card.serving is not None and card.serving.offered):
        return card
    return card.model_copy(update={"cautions": (*card.cautions, UNCHECKED_CAUTION)})


def classifier_folder(path: Path) -> Path:
    """Return the folder with the card: `path` itself, or `classifier/` of a run.

    Raises:
        ClassifierError: if there is neither.
    """
    if not path.exists():
        raise ClassifierError(
            f"{path} does not exist; name a classifier's folder, or a run that carina train wrote"
        )
    for folder in (path, path / "classifier"):
        if (folder / CARD).is_file():
            return folder
    if (path / "recipe.toml").is_file():
        raise ClassifierError(
            f"{path} is a run without a classifier: {_how_it_stands(path)}; its log.txt tells more"
        )
    found = "a file"
    if path.is_dir():
        found = ", ".join(sorted(f.name for f in path.iterdir())[:6]) or "nothing"
    raise ClassifierError(
        f"{path} is no classifier and no run: neither it nor its folder 'classifier' holds "
        f"{CARD} (found: {found})"
    )


def _how_it_stands(run: Path) -> str:
    """Return in words why a run's folder holds no classifier, as far as its record tells."""
    try:
        record = parse_json((run / "environment.json").read_bytes(), name="", error=ClassifierError)
    except (OSError, ClassifierError):
        record = None
    if isinstance(record, dict) and record.get("status") == "diverged":
        return f"{record.get('diverged') or 'its training diverged'}"
    return (
        "its training is under way or was interrupted (in that case it goes on with "
        f"{shlex.join(['carina', 'train', '--resume', str(run)])})"
    )


def checked_files(folder: Path, card: Card) -> dict[str, bytes]:
    """Return the bytes of every file on a card, each read once, if all are what it says.

    Args:
        folder: the classifier's.
        card: its card.

    Raises:
        ClassifierError: naming every file that is missing, changed or not on the card.
    """
    present = _names_in(folder) - _BROWSER_FILES - {CARD, SIGNATURE}
    listed = sorted(card.files)
    files: dict[str, bytes] = {}
    room = _MOST_BYTES
    for name in listed:
        if name in present:
            files[name] = read_whole(folder / name, most_bytes=room, error=ClassifierError)
            room -= len(files[name])
    problems = [
        *(f"{n} was changed" for n, data in files.items() if sha256_bytes(data) != card.files[n]),
        *(f"{name} is missing" for name in listed if name not in present),
        *(f"{one_line(name)} is not on its card" for name in sorted(present - set(listed))),
    ]
    if problems:
        more = f" and {len(problems) - _MOST_NAMED:,} more" if len(problems) > _MOST_NAMED else ""
        raise ClassifierError(
            f"the classifier {folder} is not as it was made: {', '.join(problems[:_MOST_NAMED])}"
            f"{more}; take an unchanged copy of the whole folder, and keep nothing else in it"
        )
    return files


def _names_in(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in folder.iterdir()}
    except OSError as error:
        raise ClassifierError(f"{folder} cannot be read: {error.strerror or error}") from error
