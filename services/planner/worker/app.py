"""Composition root of `planner worker`."""

import asyncio
import importlib
import sys

from planner.runtime.failures import StartupRefusedError
from planner.runtime.kafka import KafkaConnection
from planner.worker.planner_worker import PlannerWorker
from planner.worker.sample import declare_sample
from planner.worker.settings import WorkerSettings


async def serve(settings: WorkerSettings, stop: asyncio.Event) -> None:
    """Run the sample worker until `stop` is set."""
    worker = PlannerWorker(
        KafkaConnection.from_settings(settings),
        settings.worker_group,
        namespace=settings.namespace,
        concurrency=settings.worker_concurrency,
        drain_s=settings.worker_drain_seconds,
    )
    declare_sample(worker)
    await worker.run(stop)


def load(target: str) -> PlannerWorker:
    """The worker that `module:name` names, looked for in the current folder too. Raises StartupRefusedError if there is none."""
    module_name, separator, name = target.partition(":")
    if not (module_name and separator and name):
        raise StartupRefusedError(f"{target!r} names no worker; give module:name, such as publishing.workers:worker")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise StartupRefusedError(f"there is no module {error.name} in the current folder or the installed packages") from None
    worker = getattr(module, name, None)
    if not isinstance(worker, PlannerWorker):
        raise StartupRefusedError(f"{target} is no PlannerWorker")
    return worker
