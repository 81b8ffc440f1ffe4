"""`planner gateway|owner|recorder|worker`: one process each, imported by name when called."""

import importlib
from typing import Annotated

import typer


def gateway() -> None:
    """The HTTP API."""
    _run("gateway")


def owner() -> None:
    """Decides commands and fires what is due, for the partitions that it is given."""
    _run("owner")


def recorder() -> None:
    """Writes plan and run events into the run store."""
    _run("recorder")


def worker(
    target: Annotated[str | None, typer.Argument(metavar="[MODULE:WORKER]", help="A PlannerWorker; the sample if left out.")] = None,
) -> None:
    """Runs a worker until SIGTERM."""
    _run("worker", target)


def _run(process: str, *arguments: str | None) -> None:
    importlib.import_module(f"planner.{process}.__main__").main(*arguments)
