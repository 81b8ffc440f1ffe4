"""`planner up`: the whole stack on this machine, until Ctrl-C."""

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from planner.cli.given_servers import reach, told
from planner.cli.narration import Narration, print_ready
from planner.cli.preparation import prepare
from planner.embedded.abandoned import remove_abandoned
from planner.embedded.folders import data_folder, temporary_folder, temporary_parent
from planner.embedded.services import stack_services
from planner.embedded.settings import StackSettings
from planner.embedded.supervisor import StackPlan, Supervisor
from planner.runtime.kafka import KafkaConnection
from planner.runtime.settings import environment, load

PORT_BASE_MOST: Final = 65_000


def up(
    *,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep the data in a temporary folder, removed at the end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="When ready, print one line of JSON; all else goes to stderr.")] = False,
    port_base: Annotated[
        int,
        typer.Option(
            min=0, max=PORT_BASE_MOST, help="Gateway N, Kafka N+1 and N+2, Valkey N+3, PostgreSQL N+4, health N+10 and up; 0: free ones."
        ),
    ] = 0,
    data: Annotated[Path | None, typer.Option(help="Where the data is; $XDG_DATA_HOME/planner if left out.")] = None,
    owners: Annotated[int, typer.Option(min=1, max=16, help="How many owner processes share the partitions.")] = 1,
    partitions: Annotated[int | None, typer.Option(min=1, max=1024, help="Of each topic; PLANNER_PARTITIONS, or 4.")] = None,
) -> None:
    """Start Kafka, Valkey, PostgreSQL (those that no setting names) and every service; stay until Ctrl-C."""
    if ephemeral and data is not None:
        raise typer.BadParameter("--ephemeral makes a folder of its own: it goes with no --data")
    settings = load(StackSettings)
    for line in told(settings.given()):
        typer.echo(line, err=True)
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder()) if ephemeral else (data or data_folder()).absolute()
        plan = StackPlan(
            data=folder,
            given=settings.given(),
            settings=environment(),
            services=stack_services(owners=owners, sample_worker=False),
            namespace=settings.namespace,
            partitions=partitions or settings.partitions,
            report_keys=settings.report_keys.get_secret_value() if settings.report_keys else None,
            port_base=port_base,
        )
        asyncio.run(_run(plan, settings, as_json=as_json))


async def _run(plan: StackPlan, settings: StackSettings, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console = Console(stderr=as_json)
    narration = Narration(console)
    for found in remove_abandoned(temporary_parent()):
        narration.found(found)
    await reach(settings)
    ready = print_json if as_json else partial(print_ready, console)

    async def prepared(stack: Mapping[str, str]) -> Mapping[str, Any]:
        embedded = KafkaConnection(bootstrap=stack["PLANNER_KAFKA"])
        connection = embedded if plan.given.kafka is None else KafkaConnection.from_settings(settings)
        return await prepare(stack, connection=connection, data=plan.data, replication=settings.replication)

    await Supervisor(plan, narration, prepare=prepared, ready=ready).run(stop)


def print_json(ready: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
