"""What a handler is given: one run, with its payload as the type that the handler asked for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from planner_contracts.run import RunTrigger

PayloadT = TypeVar("PayloadT")


@dataclass(frozen=True, slots=True)
class Run(Generic[PayloadT]):
    """One attempt at one occurrence of a plan.

    A run may be handed over more than once, always with the same `id`: after a crash, or when a partition moves to another worker
    while it is executed. A handler whose effect must not happen twice keeps `id` beside the effect.
    """

    id: str
    plan_id: str
    plan_revision: int
    tenant_id: str
    organization_id: str
    action: str
    scheduled_for: datetime
    due_at: datetime
    attempt: int
    trigger: RunTrigger
    payload: PayloadT
    beat: Callable[[object], Awaitable[None]] = field(repr=False, compare=False)
    cancelled: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)

    @property
    def cancel_requested(self) -> bool:
        """Whether the owner has ended the run meanwhile, for the sake of a newer one of its plan: nobody waits for its result any more.

        A handler that takes long looks at it now and then, and returns. The next run of the plan waits for that.
        """
        return self.cancelled()

    async def heartbeat(self, progress: object = None) -> None:
        """Say that the run is alive, and how far it is: any JSON, kept with the run's next state; over 1 KiB it is cut.

        No failure of Kafka's reaches the handler: a heartbeat that is not acknowledged in time is logged, and the work goes on. The kit
        sends heartbeats by itself and repeats the last progress in them, so a handler calls this only to tell its progress.
        """
        await self.beat(progress)
