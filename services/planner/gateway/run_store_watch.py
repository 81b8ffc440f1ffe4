"""Whether the run store answers, for /readyz: asked from time to time, so that its answer is at hand however long PostgreSQL is silent."""

import asyncio
from typing import Final, Never

from planner.gateway.watermark import Watermarks
from planner.runtime.failures import UnavailableError
from planner.runtime.health import Health
from planner.runtime.log import get_logger

CHECK: Final = "run store"
LOOK_EVERY_S: Final = 2.0

_log = get_logger("gateway")


async def keep_watch(store: Watermarks, topic: str, health: Health) -> Never:
    """Look until cancelled. The question needs a table of ours: a database that nobody has migrated is not ready either."""
    answers: bool | None = None
    while True:
        try:
            await store.watermarks((topic,))
        except UnavailableError as error:
            health.set(CHECK, ready=False, reason=str(error))
            if answers is not False:
                _log.warning("gateway.run_store.away", cause=str(error))
            answers = False
        else:
            health.set(CHECK, ready=True)
            if answers is False:
                _log.info("gateway.run_store.back")
            answers = True
        await asyncio.sleep(LOOK_EVERY_S)
