"""How much of the lungs `input.mask = centre` covers, for masks of several sizes.

    python benchmarks/lungs_in_the_mask.py [--data DIR]

Real films: the lung masks of `ieee8023` in DIR, where they are. Phantom films: 80, whose lungs
and lesions are known. A mask that leaves lesions in sight makes the probe find in the frame
what is in the lungs; a larger one leaves less of the frame to find anything in.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from carina.imaging.phantom import make_phantom
from carina.imaging.prepare import MASKED_SHARE

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_SHARES = (0.6, 0.7, 0.75, MASKED_SHARE, 0.85, 0.9)
_PHANTOMS = 40


def main(data):
    """Print the table."""
    kinds = {}
    masks = sorted((data / "ieee8023" / "lung-masks").glob("*.png"))
    if masks:
        kinds[f"lungs of {len(masks)} real films"] = [
            np.asarray(Image.open(file).convert("L")) > 127 for file in masks
        ]
    phantoms = [
        make_phantom(finding, rng=np.random.default_rng(seed), height=160, width=144)
        for finding in ("pneumonia", "covid")
        for seed in range(_PHANTOMS)
    ]
    kinds[f"lungs of {len(phantoms)} phantoms"] = [p.lung_mask for p in phantoms]
    kinds["their lesions"] = [p.lesion_mask for p in phantoms if p.lesion_mask.any()]
    print("| middle, of each side | covers of | mean | 10th percentile | least |")
    print("| --- | --- | --- | --- | --- |")
    for share in sorted(set(_SHARES)):
        for name, regions in kinds.items():
            inside = np.array([covered(region, share) for region in regions])
            figures = (inside.mean(), np.percentile(inside, 10), inside.min())
            print(f"| {share:.2f} | {name} | {' | '.join(f'{x:.3f}' for x in figures)} |")


def covered(region, share):
    """Return the share of a bool `[height, width]` that the middle covers."""
    height, width = region.shape
    rows, columns = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    return region[rows : height - rows, columns : width - columns].sum() / region.sum()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=_DATA)
    main(parser.parse_args().data)
