"""Every random choice of a training, derived from what it is for and nothing else.

A choice depends on the seed, the epoch and the film (or step), never on the batch, the
thread or what was drawn before; so a run can be cut anywhere and goes on the same.
"""

import hashlib

import numpy as np


def derived_seed(*facts: int | str) -> int:
    """Return 63 bits that depend on all of `facts` and on their order.

    >>> derived_seed(0, "order", 1) == derived_seed(0, "order", 1)
    True
    >>> derived_seed(0, "order", 1) == derived_seed(0, "order", 2)
    False
    """
    text = "\x1f".join(str(fact) for fact in facts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def derived_rng(*facts: int | str) -> np.random.Generator:
    """Return a generator of its own for `facts`; it costs about 10 microseconds."""
    return np.random.Generator(np.random.PCG64(derived_seed(*facts)))
