"""`planner demo`: the main job on a stack of its own, shown live."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console

from planner.cli.demo_api import DemoApi, DemoFailedError, api_client
from planner.cli.demo_audience import Audience, places
from planner.cli.demo_screen import Screen
from planner.cli.demo_story import ACTIONS, BURST_PREFIX, Stage, Story
from planner.cli.preparation import prepare
from planner.embedded.folders import temporary_folder
from planner.embedded.servers import Given
from planner.embedded.services import stack_services
from planner.embedded.supervisor import StackPlan, Supervisor
from planner.ledger.audit import audit
from planner.runtime.clock import SystemClock
from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.kafka import KafkaConnection
from planner.runtime.settings import PREFIX, environment

_NAMESPACE: Final = "planner"
_PARTITIONS: Final = 4
_INTERRUPTED: Final = 130


def demo() -> None:
    """Start everything, make, change and cancel plans, kill the owner, and show that nothing is lost or doubled."""
    screen = Screen(Console(highlight=False, soft_wrap=True), SystemClock())
    with temporary_folder() as data:
        try:
            worked = asyncio.run(_perform(data, screen))
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise typer.Exit(_INTERRUPTED) from None
    raise typer.Exit(0 if worked else 1)


async def _perform(data: Path, screen: Screen) -> bool:
    this = asyncio.current_task()
    assert this is not None, "runs as a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    stop = asyncio.Event()
    ready: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()

    async def prepared(stack: Mapping[str, str]) -> Mapping[str, Any]:
        return await prepare(stack, connection=KafkaConnection(bootstrap=stack["PLANNER_KAFKA"]), data=data, actions=ACTIONS)

    supervisor = Supervisor(_stack_plan(data), screen, prepare=prepared, ready=ready.set_result)
    async with asyncio.TaskGroup() as group:
        group.create_task(_supervise(supervisor, stop, ready))
        try:
            return await _play(await ready, screen)
        except (StartupRefusedError, UnavailableError) as error:
            screen.fail(error)
            return False
        finally:
            stop.set()


async def _supervise(supervisor: Supervisor, stop: asyncio.Event, ready: asyncio.Future[Mapping[str, Any]]) -> None:
    try:
        await supervisor.run(stop)
    except (StartupRefusedError, UnavailableError) as error:
        ready.set_exception(error)


def _stack_plan(data: Path) -> StackPlan:
    return StackPlan(
        data=data,
        given=Given(kafka=None, redis=None, postgres=None),
        # The demo is about what it starts itself: settings of another installation would lead it astray.
        settings={name: value for name, value in environment().items() if not name.startswith(PREFIX)},
        services=stack_services(owners=1, sample_worker=True),
        namespace=_NAMESPACE,
        partitions=_PARTITIONS,
    )


async def _play(reach: Mapping[str, Any], screen: Screen) -> bool:
    audience = Audience(screen.say, quiet=lambda name: name.startswith(BURST_PREFIX))
    watched = places(_NAMESPACE, actions=ACTIONS, partitions=_PARTITIONS)
    watching = asyncio.Event()
    async with api_client(reach) as client, asyncio.TaskGroup() as group:
        watch = group.create_task(audience.watch(KafkaConnection(bootstrap=reach["kafka"]), watched, watching))
        await watching.wait()
        try:
            return await _tell(reach, screen, audience, DemoApi(client))
        except (DemoFailedError, UnavailableError) as error:
            screen.fail(error)
            return False
        finally:
            watch.cancel()


async def _tell(reach: Mapping[str, Any], screen: Screen, audience: Audience, api: DemoApi) -> bool:
    def kill_owner() -> None:
        screen.say("killed", f"the owner (pid {screen.pids['owner']}), with SIGKILL")
        os.kill(screen.pids["owner"], signal.SIGKILL)

    story = Story(Stage(api=api, audience=audience, clock=SystemClock(), kill_owner=kill_owner, announce=screen.announce, say=screen.say))
    await story.play()
    screen.show_runs([(name, await api.runs(plan_id)) for plan_id, name in story.plans.items()])
    connection = KafkaConnection(bootstrap=reach["kafka"])
    report = await audit(story.expectations, connection=connection, namespace=_NAMESPACE, postgres=reach["postgres"])
    screen.judge(report)
    return report.ok
