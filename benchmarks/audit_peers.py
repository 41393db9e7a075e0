"""Carina's audit beside cleanvision and imagededup on the same real films.

Three sets are made of the films of `--data`: `copies`, the films of `nih` with known copies
of some of them (eleven kinds of edit at the medium strength); `faults`, 120 films with
planted faults of fifteen kinds and a confounder; `real`, all films as they are. Every audit
is a fresh process with empty caches; the programs take turns.

    python benchmarks/audit_peers.py --peers-python ENV/bin/python [--set NAME ...]
        [--turns N] [--copies N] [--of-each N] [--data DIR] [--scratch DIR]

The environment of `--peers-python` needs cleanvision and, without its dependencies torch
and torchvision, imagededup (`pip install --no-deps imagededup`; scikit-learn, PyWavelets and
tqdm beside it): its hashes are compared, not its network, whose weights are downloaded.
"Seconds" are whole processes by the clock on the wall; Carina's include `audit.json` and the
page. Pairs are counted within every group that a program names. A film counts as flagged
whatever the reason given.
"""

import argparse
import sys
from pathlib import Path

from audited_by.auditors import Auditor, audited, auditors, load_before
from audited_by.film_sets import FilmSet, films_with_copies, films_with_faults, real_films
from audited_by.peers_table import Row, copies_table, cost_table, faults_table, real_table
from audited_by.watched import Watched
from described.measuring import machine

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_TABLES = {"copies": copies_table, "faults": faults_table, "real": real_table}


def main(arguments: argparse.Namespace) -> None:
    """Audit every chosen set in turns, and print the tables."""
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    makers = {
        "copies": lambda: films_with_copies(
            arguments.data, arguments.scratch, n_copies=arguments.copies
        ),
        "faults": lambda: films_with_faults(
            arguments.data, arguments.scratch, n_of_each=arguments.of_each
        ),
        "real": lambda: real_films(arguments.data, arguments.scratch),
    }
    taking_part = auditors(arguments.peers_python)
    results = []
    load = load_before()
    for name in arguments.set or _TABLES:
        films = makers[name]()
        rows = results_on(films, taking_part, arguments.turns)
        results.append((films, rows))
        print(f"\n{_TABLES[name](films, rows)}")
        for row in rows:
            if row.said.failed or row.said.stopped_by:
                print(f"\n{row.auditor.name} stopped: {row.said.failed or row.said.stopped_by}")
    versions = dict.fromkeys(row.said.version for _, rows in results for row in rows)
    print(f"\n{cost_table(results)}\n\n{machine()}; {', '.join(versions)}")
    if load is not None:
        print(f"load average before: {load:.1f}")


def results_on(films: FilmSet, taking_part: tuple[Auditor, ...], turns: int) -> list[Row]:
    """Return every auditor's results on a set; the auditors take turns."""
    turns_of: dict[str, tuple[Watched, ...]] = {}
    rows: dict[str, Row] = {}
    for turn in range(1, turns + 1):
        for auditor in taking_part:
            said, watched = audited(auditor, films)
            turns_of[auditor.name] = (*turns_of.get(auditor.name, ()), watched)
            rows[auditor.name] = Row(auditor, said, turns_of[auditor.name])
            print(
                f"{films.name}, turn {turn}, {auditor.name}: {watched.seconds:.1f} s",
                file=sys.stderr,
            )
    return list(rows.values())


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers-python", help="interpreter with the peers; none: Carina alone")
    parser.add_argument("--set", action="append", default=[], choices=list(_TABLES))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--copies", type=int, default=220, help="known copies")
    parser.add_argument("--of-each", type=int, default=3, help="planted faults of each kind")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the data sets")
    parser.add_argument("--scratch", type=Path, default=Path("tmp") / "audit_peers")
    return parser


if __name__ == "__main__":
    chosen = options().parse_args()
    chosen.data, chosen.scratch = chosen.data.resolve(), chosen.scratch.resolve()
    if chosen.peers_python is not None:
        # Not resolved: a virtual environment's interpreter is a link that must stay one.
        chosen.peers_python = str(Path(chosen.peers_python).absolute())
    main(chosen)
