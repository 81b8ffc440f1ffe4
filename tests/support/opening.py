"""The plans of the end-to-end tests that take their time, made first, so that all wait at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from planner.embedded.folders import temporary_folder
from support.api import Api, Document, every_second, once, soon
from support.readme import readme_bodies, readme_worker
from support.stack import Stack
from support.worker_processes import running_script, running_worker

FIRES = 12
ZONE = "Europe/Berlin"


@dataclass(frozen=True, slots=True)
class Opening:
    """As their creates were answered. `interval` fires `FIRES` times from `first` on, `cron` at `full_minute`."""

    readme: Document
    interval: Document
    first: datetime
    cron: Document
    full_minute: datetime
    failing: Document


@contextmanager
def opened(stack: Stack, api: Api) -> Iterator[Opening]:
    """The plans are made, then workers for `demo.echo`, `demo.fail` and the README's action are started."""
    first = soon(2)
    full_minute = first.replace(second=0) + timedelta(minutes=1)
    local = full_minute.astimezone(ZoneInfo(ZONE))
    every_day = {"type": "cron", "expression": f"{local.minute} {local.hour} * * *"}
    plans = Opening(
        readme=api.created(readme_bodies()[0], key="launch"),
        interval=api.created(every_second("demo.echo", first=first, max_runs=FIRES)),
        first=first,
        cron=api.created({"action": "demo.echo", "recurrence": every_day, "timezone": ZONE}),
        full_minute=full_minute,
        failing=api.created(once("demo.fail", payload={"code": "NO_SPACE", "message": "the disk is full"})),
    )
    with (
        temporary_folder() as folder,
        running_worker(stack, "support.echo_worker:worker"),
        running_script(stack, readme_worker(stack.ready["kafka"]), folder),
    ):
        yield plans
