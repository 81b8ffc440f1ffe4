"""The sample worker: what the demo runs, and an example to copy."""

import asyncio
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from planner.runtime.log import get_logger
from planner.worker.failures import Permanent, Retryable
from planner.worker.planner_worker import PlannerWorker
from planner.worker.run import Run

STEPS_MAX: Final = 1000
SECONDS_MAX: Final = 3600.0

_LOG: Final = get_logger("planner.worker.sample")


class PublishPayload(BaseModel):
    """What `content.publish` is given."""

    content_id: str


class PublishResult(BaseModel):
    """What `content.publish` answers."""

    published: str


class WorkPayload(BaseModel):
    """`demo.work`: so many steps, telling its progress after each."""

    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)] = 1
    seconds_per_step: Annotated[float, Field(ge=0, le=SECONDS_MAX)] = 0.1


class FailPayload(BaseModel):
    """`demo.fail`: how to fail."""

    code: str = "DEMO"
    message: str = "asked to fail"
    retryable: bool = False


def declare_sample(worker: PlannerWorker) -> None:
    """Give the worker the sample's handlers."""
    worker.action("content.publish")(publish)
    worker.action("demo.echo")(echo)
    worker.action("demo.work")(work)
    worker.action("demo.fail")(fail)


async def publish(run: Run[PublishPayload]) -> PublishResult:
    _LOG.info("sample.content.published", run_id=run.id, plan_id=run.plan_id, content_id=run.payload.content_id)
    return PublishResult(published=run.payload.content_id)


async def echo(run: Run[dict[str, Any]]) -> dict[str, Any]:
    _LOG.info("sample.echoed", run_id=run.id, plan_id=run.plan_id)
    return run.payload


async def work(run: Run[WorkPayload]) -> dict[str, int]:
    for step in range(1, run.payload.steps + 1):
        await asyncio.sleep(run.payload.seconds_per_step)
        await run.heartbeat({"step": step, "of": run.payload.steps})
    _LOG.info("sample.worked", run_id=run.id, plan_id=run.plan_id, steps=run.payload.steps)
    return {"steps": run.payload.steps}


async def fail(run: Run[FailPayload]) -> None:
    _LOG.info("sample.failing", run_id=run.id, plan_id=run.plan_id, code=run.payload.code)
    failure = Retryable if run.payload.retryable else Permanent
    raise failure(run.payload.code, run.payload.message)
