"""A changed classifier folder, taken up while the server runs, or refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from fastapi import FastAPI

from carina.errors import CarinaError
from carina.inference.classifier import Classifier
from carina.web.app import take_up
from carina.web.service import Service

_log = logging.getLogger(__name__)


class Reloader:
    """Looks at the classifier's folder again when it is told to, one look at a time."""

    def __init__(self, app: FastAPI, load: Callable[[], Classifier]) -> None:
        """Make it.

        Args:
            app: answers with what was loaded.
            load: returns the classifier in the folder, ready to answer.
        """
        self._app = app
        self._load = load
        self._looking: asyncio.Task[None] | None = None
        self._again = False

    def look(self) -> None:
        """Look at the folder; a call while it is looked at makes it look once more after that."""
        if self._looking is not None and not self._looking.done():
            self._again = True
            return
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def finished(self) -> None:
        """Wait until the folder was looked at."""
        if self._looking is not None:
            await self._looking

    async def _look(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            outcome = await self._outcome()
            service: Service = self._app.state.service
            service.last_reload = outcome
            service.metrics.reloaded(outcome)

    async def _outcome(self) -> str:
        try:
            loaded = await asyncio.to_thread(self._load)
        except CarinaError as error:
            _log.error("the changed classifier is refused, the earlier one is kept: %s", error)
            return "refused"
        except Exception as error:  # noqa: BLE001  whatever is wrong with the new, the old goes on
            _log.error("the changed classifier is refused: unexpected %s", type(error).__name__)
            return "refused"
        service: Service = self._app.state.service
        before = service.classifier
        if (loaded.digest, loaded.signature) == (before.digest, before.signature):
            _log.info("the classifier is unchanged: %s", loaded.digest[:12])
            return "unchanged"
        take_up(self._app, loaded)
        _log.info("the changed classifier answers from now on: %s", loaded.digest[:12])
        return "taken"
