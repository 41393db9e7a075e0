"""The weights that a training begins with: noted once, and the same when it is done again."""

from __future__ import annotations

from carina.errors import RunError
from carina.runs import Run
from carina.workflows.record import note_facts
from carina.workflows.start import Start


def note_start_weights(run: Run, start: Start) -> None:
    """Note in a run's record what its training begins with.

    Weights that were drawn may be others under another version of torch, which is a difference
    to be told afterwards; weights that were given must be those that the record names.

    Args:
        run: with a record, which may name the weights already; without one nothing is noted.
        start: before its training.

    Raises:
        RunError: if the record names others, and they were not drawn.
    """
    from carina.models.weights import weights_digest

    if not run.environment_file.is_file():
        return
    digest = weights_digest(start.network.state_dict())
    recorded = run.environment.start_weights
    if recorded and recorded != digest and start.origin:
        section = start.recipe.network
        named = f"network.init = {section.init}" if section.init else section.weights
        raise RunError(
            f"the start weights ({named}) are not those that the run began with: sha256 "
            f"{recorded[:12]}... is recorded, {digest[:12]}... was found; put back the run or "
            "the weights file that it began with, or train anew"
        )
    note_facts(run, start_weights=digest)
