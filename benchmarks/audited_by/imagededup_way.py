"""imagededup's perceptual hash on a folder of films.

    PEERS_PYTHON -m audited_by.imagededup_way FOLDER RESULT.json [BITS]

Two films are a pair up to BITS differing bits of 64; 10 is imagededup's default. Its other
way, a network, needs torchvision and downloaded weights; both are left out here: the two
modules that import it are stood in for before the package is imported. Runs in an
environment of its own and imports nothing of Carina.
"""

import json
import sys
import time
import types
from importlib.metadata import version
from pathlib import Path


def main(folder: Path, result: Path, bits: int) -> None:
    for name, wanted in (("imagededup.methods.cnn", "CNN"), ("imagededup.utils.models", "")):
        stand_in = types.ModuleType(name)
        setattr(stand_in, wanted or "CustomModel", None)
        sys.modules[name] = stand_in
    from imagededup.methods import PHash

    began = time.perf_counter()
    hasher = PHash(verbose=False)
    hashes = hasher.encode_images(image_dir=folder, recursive=True)
    duplicates = hasher.find_duplicates(encoding_map=hashes, max_distance_threshold=bits)
    seconds = time.perf_counter() - began
    pairs = {tuple(sorted((a, b))) for a, others in duplicates.items() for b in others}
    found = {
        "version": f"imagededup {version('imagededup')}",
        "n_films": len(hashes),
        "seconds": seconds,
        "stopped_by": "",
        "exact_pairs": [],
        "near_pairs": sorted(pairs),
        "flags": {},
    }
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int((sys.argv[3:] or ["10"])[0]))
