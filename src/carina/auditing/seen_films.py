"""Which films are nearly identical to films that a training had seen.

Of a film that was seen, `seen.csv` keeps a perceptual hash, and the cache of the machine that
trained also its sketch. With sketches the search is that of an audit
(`auditing.near_duplicates`). A hash alone finds copies that were compressed again or
resized, but few that were changed in contrast, and none that were cropped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from carina.auditing.near_duplicates import find_near_duplicates
from carina.data.cache import Sketches
from carina.domain.progress import Progress, silent
from carina.files.row_store import MemoryStore, Rows, RowStore
from carina.imaging.sketch import SKETCH


def alike_by_hash(films: Mapping[str, str], seen: Mapping[str, str]) -> dict[str, str]:
    """Return film -> a seen film with the same perceptual hash.

    Not a bit may differ: among the 3 million pairs of different real films that
    `benchmarks/seen_hashes.py` compares, two children differ in 2 of 64 bits, none in
    fewer. Equal hashes find most copies that were compressed again or resized.

    Args:
        films: name -> perceptual hash, 16 hex digits.
        seen: the same of the films that were seen; one without a hash ("") is passed over.

    >>> alike_by_hash({"new": "a0", "other": "b1"}, {"old": "a0", "other": ""})
    {'new': 'old'}
    """
    by_hash = {digits: name for name, digits in seen.items() if digits}
    return {name: by_hash[digits] for name, digits in films.items() if digits in by_hash}


def alike_by_pixels(
    films: Mapping[str, NDArray[np.void]], seen: Sketches, *, progress: Progress = silent
) -> dict[str, str]:
    """Return film -> a seen film that shows nearly the same picture, as an audit finds it.

    Args:
        films: name -> sketch, of the type `imaging.sketch.SKETCH`; all of different pixels.
        seen: sketches of films with other pixels, all different, too.
        progress: told as the search goes on.
    """
    own = {f"film {name}": name for name in films}
    theirs = {f"seen {name}": name for name in seen.digest_of}
    store = _Layered(seen.store)
    store.append({key.encode(): np.frombuffer(films[own[key]].tobytes(), np.uint8) for key in own})
    digest_of = {key: key.encode() for key in own}
    digest_of |= {key: seen.digest_of[name] for key, name in theirs.items()}
    both = Sketches(store, digest_of)
    found: dict[str, str] = {}
    for pair in find_near_duplicates(both, list(digest_of), progress=progress):
        # "film" sorts before "seen", and so does the first of a pair
        if pair.a in own and pair.b in theirs:
            found.setdefault(own[pair.a], theirs[pair.b])
    return found


class _Layered(MemoryStore):
    """Rows in memory, over another store that is only read."""

    def __init__(self, below: RowStore) -> None:
        super().__init__(SKETCH.itemsize)
        self._below = below

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Return the places in `keys` whose rows neither store knows."""
        places = super().missing(keys)
        return [places[n] for n in self._below.missing([keys[place] for place in places])]

    def listed(self) -> Collection[bytes]:
        """Return the keys that have rows in either store."""
        return {*super().listed(), *self._below.listed()}

    def read(self, keys: Sequence[bytes]) -> Rows:
        """Return rows."""
        rows = np.empty((len(keys), SKETCH.itemsize), dtype=np.uint8)
        elsewhere = super().missing(keys)
        here = sorted(set(range(len(keys))) - set(elsewhere))
        rows[here] = super().read([keys[place] for place in here])
        rows[elsewhere] = self._below.read([keys[place] for place in elsewhere])
        return rows
