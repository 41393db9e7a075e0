"""How often DeLong's test calls two equal areas different, and its interval holds 0.

Two scores of equal worth are drawn for films of independent patients, and for patients with
several films whose scores correlate. The test's level is 5 %.

    python benchmarks/delong_level.py [--studies N]
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from carina.evaluation.paired_areas import paired_areas

# films, share of the class, how far it stands out, films a patient
SETTINGS = (
    (66, 0.4, 1.5, 1), (66, 0.4, 3.0, 1), (66, 0.4, 4.5, 1), (66, 0.1, 2.0, 1),
    (200, 0.3, 2.5, 1), (200, 0.1, 4.0, 1), (66, 0.4, 2.0, 3), (200, 0.3, 2.0, 4),
)  # fmt: skip


def draw_study(setting, rng):
    """Return the films of the class, both scores, and each film's patient."""
    n, share, apart, films_each = setting
    n_patients = n // films_each
    patients = np.repeat(np.arange(n_patients), films_each)
    is_class = (rng.random(n_patients) < share)[patients]
    shared = 0.7 * rng.normal(size=n_patients)[patients] + apart * is_class
    first, second = (
        shared + rng.normal(size=patients.size) + 0.5 * rng.normal(size=n_patients)[patients]
        for _ in range(2)
    )
    return is_class, first, second, patients


def main():
    """Print a line a setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    n_studies = parser.parse_args().studies
    print("films  share  films a patient  mean area  called different  interval holds 0  untested")
    for setting in SETTINGS:
        rng, areas, called, held = np.random.default_rng(setting[0]), [], [], []
        for _ in range(n_studies):
            is_class, first, second, patients = draw_study(setting, rng)
            found = paired_areas(is_class, first, second, units=patients)
            if found is None or found.p_value is None:
                continue
            areas.append(found.first)
            called.append(found.p_value < 0.05)
            low, high = found.interval or (0.0, 0.0)
            held.append(low <= 0 <= high)
        print(
            f"{setting[0]:5} {setting[1]:6} {setting[3]:16} {np.mean(areas):10.3f} "
            f"{100 * np.mean(called):15.1f} % {100 * np.mean(held):15.1f} % "
            f"{n_studies - len(areas):9}",
            flush=True,
        )


if __name__ == "__main__":
    main()
