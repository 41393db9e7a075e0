"""What an explanation costs: seconds and memory of each method on a classifier, one film.

Each method runs in a process of its own: once to load everything, then `-n` times. Seconds are
the least of those, on the clock and of all cores together; memory is the largest size of the
process less its size before the first explanation, with the classifier loaded and the film
answered once.

    python benchmarks/explanation_cost.py CLASSIFIER FILM [-n 3] [--threads 0]
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

from carina.domain.explanation import METHODS_WITH_MAPS, METHODS_WITHOUT_MAPS
from carina.imaging import read_radiograph
from carina.inference.bundle import load_classifier


def megabytes_now():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def cost(options):
    """Print one method's line."""
    classifier = load_classifier(options.classifier, threads=options.threads)
    film = read_radiograph(options.film)
    label = classifier.predict(film).predicted
    before = megabytes_now()
    seconds, computed = [], []
    for _ in range(options.n + 1):
        start, cpu = time.perf_counter(), time.process_time()
        heat = classifier.explain(film, label, method=options.method).heat
        seconds.append(time.perf_counter() - start)
        computed.append(time.process_time() - cpu)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(
        f"{options.method:13s} {min(seconds[1:]):6.2f} s  of all cores {min(computed[1:]):6.2f} s  "
        f"{largest - before:6.0f} MB  (heat for {label}: {'yes' if heat.any() else 'none'})",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("classifier")
    parser.add_argument("film")
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--method")
    options = parser.parse_args()
    if options.method:
        cost(options)
        return
    for method in METHODS_WITH_MAPS + METHODS_WITHOUT_MAPS:
        subprocess.run([sys.executable, *sys.argv, "--method", method], check=True)


if __name__ == "__main__":
    main()
