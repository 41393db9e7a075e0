"""`python -m carina.imaging.worker`: started by `carina.imaging.worker.process` alone."""

import sys

from carina.imaging.worker.loop import work

if __name__ == "__main__":
    work(sys.argv[1:])
