"""Workers of one training as plain processes, without Ray."""

import hashlib
import multiprocessing
import pickle
import tempfile
import time
from pathlib import Path

from carina.data.cache import LevelsStore
from carina.data.kept_levels import KeptLevels
from carina.errors import TrainingError
from carina.training.checkpoints import Checkpoints
from carina.training.films import FilmPart, TrainingFilms

_LOOKS_EVERY_S = 0.02
_WAITS_S = 60.0
_STARTS = 3


def kept(films, cache_dir):
    """The same films, prepared in a cache, as other processes can read them."""
    store = LevelsStore(cache_dir, films.spec)
    reader = KeptLevels(cache_dir.absolute(), films.spec)

    def part(one):
        names = {key: hashlib.sha256(key.encode()).hexdigest() for key in one.keys}
        levels = one.read_levels(one.keys)
        store.append({names[key]: film for key, film in zip(one.keys, levels, strict=True)})
        return FilmPart(tuple(names.values()), one.labels, reader)

    return TrainingFilms(part(films.train), part(films.validation), films.spec)


def launcher(size):
    """A `Launch` of `size` processes that begins again when one is lost."""

    def launch(job, look):
        context = multiprocessing.get_context("spawn")
        # As bytes: torch would let all processes share the memory of the weights.
        sent = pickle.dumps(job)
        for _ in range(_STARTS):
            meeting = Path(tempfile.mkdtemp(dir=job.channel.parent)) / "meeting"
            workers = [
                context.Process(target=_work, args=(sent, rank, size, str(meeting)), daemon=True)
                for rank in range(size)
            ]
            for worker in workers:
                worker.start()
            while any(worker.is_alive() for worker in workers):
                look()
                if any(worker.exitcode not in (None, 0) for worker in workers):
                    for worker in workers:
                        worker.kill()
                time.sleep(_LOOKS_EVERY_S)
            if all(worker.exitcode == 0 for worker in workers):
                return
        raise TrainingError(f"workers were lost {_STARTS} times")

    return launch


class WaitingCheckpoints(Checkpoints):
    """Checkpoints whose training stands still after some steps until a file is there."""

    def __init__(self, folder, *, until, after_steps):
        super().__init__(folder, identity={}, circumstances={})
        self._until, self._steps_left = until, after_steps

    def is_due(self, network):
        give_up = time.monotonic() + _WAITS_S
        while not self._steps_left and not self._until.exists() and time.monotonic() < give_up:
            time.sleep(_LOOKS_EVERY_S)
        self._steps_left = max(0, self._steps_left - 1)
        return super().is_due(network)


def _work(sent, rank, size, meeting):
    import torch.distributed as dist

    from carina.training.distributed.loop import work
    from carina.training.share import Share

    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    work(pickle.loads(sent), Share(rank, size))
    if dist.is_initialized():
        dist.destroy_process_group()
