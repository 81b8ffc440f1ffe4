"""`planner worker [module:worker]`."""

import asyncio
import sys

from planner.runtime.lifecycle import run_process
from planner.worker.app import load, serve
from planner.worker.settings import WorkerSettings


def main(target: str | None = None) -> None:
    """Run the sample worker, or the one that `module:name` names."""
    if target is None:
        run_process("worker", WorkerSettings, serve)
        return

    async def serve_target(_settings: WorkerSettings, stop: asyncio.Event) -> None:
        await load(target).run(stop)

    run_process("worker", WorkerSettings, serve_target)


if __name__ == "__main__":
    main(*sys.argv[1:2])
