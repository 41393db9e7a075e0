"""A training's workers, started by Ray Train in the Ray that this process is connected to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from carina.errors import TrainingError, UsageError
from carina.training.distributed.fit import Launch
from carina.training.distributed.job import Job
from carina.training.distributed.loop import work
from carina.training.distributed.together import BACKENDS
from carina.training.share import Share

STARTS_AGAIN = 3
"""How often lost workers are replaced before the training is given up."""
_LOOKS_EVERY_S = 0.2


def ray_workers(workers: int, *, threads: int) -> Launch:
    """Return what starts workers by Ray Train's `TorchTrainer`, one for each GPU if there are
    as many, else on CPUs.

    Args:
        workers: how many.
        threads: cores that Ray sets aside for each.

    Raises:
        UsageError: if Ray's machines do not have as many cores.
    """
    import ray

    has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if has.get("CPU", 0) < workers * threads:
        raise UsageError(
            f"--workers {workers} with {threads} threads each need {workers * threads} cores, and "
            f"the machines of this Ray have {has.get('CPU', 0):g}; ask for fewer workers, or for "
            "fewer threads with --set train.threads=1"
        )
    use_gpu = has.get("GPU", 0) >= workers

    def launch(job: Job, look: Callable[[], None]) -> None:
        trainer = _trainer(job, workers, threads=threads, use_gpu=use_gpu)
        # Not in the main thread, where Ray would take Ctrl-C for itself.
        pool = ThreadPoolExecutor(1, thread_name_prefix="carina-ray-train")
        try:
            ending = pool.submit(trainer.fit)
            while not wait([ending], timeout=_LOOKS_EVERY_S).done:
                look()
            look()
            _require_fitted(ending)
        finally:
            pool.shutdown(wait=False)

    return launch


def _require_fitted(ending: Future[Any]) -> None:
    """Refuse an end that Ray Train calls a failure."""
    import ray
    from ray.train import TrainingFailedError

    try:
        ending.result()
    except (TrainingFailedError, ray.exceptions.RayError) as error:
        raise TrainingError(
            f"the workers were lost more than {STARTS_AGAIN} times; the last words were: "
            f"{_last_line(error)}; the newest checkpoint stays (carina train --resume)"
        ) from error


def _trainer(job: Job, workers: int, *, threads: int, use_gpu: bool) -> Any:
    """Return Ray Train's trainer for a job."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    resources = {"CPU": float(threads)} | ({"GPU": 1.0} if use_gpu else {})
    return TorchTrainer(
        _work_by_ray,
        # By reference: the network may be large, and every start needs it.
        train_loop_config={"job": ray.put(job)},
        torch_config=TorchConfig(backend=BACKENDS if use_gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=workers, use_gpu=use_gpu, resources_per_worker=resources
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=str(job.channel),
            failure_config=FailureConfig(max_failures=STARTS_AGAIN),
        ),
    )


def _work_by_ray(config: dict[str, Any]) -> None:
    """Be one worker; Ray Train has made the process group."""
    import ray
    import ray.train

    context = ray.train.get_context()
    work(ray.get(config["job"]), Share(context.get_world_rank(), context.get_world_size()))


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
