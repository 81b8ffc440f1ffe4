"""Runs that their owner has ended: what was asked on the control topics."""

from collections import OrderedDict
from typing import Final

from pydantic import ValidationError

from planner.runtime.log import get_logger
from planner.worker.delivery import Delivery
from planner_contracts.action import CONTROL_TYPE, CancelRequested
from planner_contracts.envelope import EnvelopeInvalidError, decode

REMEMBERED_MAX: Final = 10_000

_LOG: Final = get_logger("planner.worker")


class Cancellations:
    """The newest requests to stop a run. One may come before its run is begun, or be for a run that another worker has."""

    def __init__(self, limit: int = REMEMBERED_MAX) -> None:
        self._limit = limit
        self._runs: OrderedDict[str, None] = OrderedDict()

    def take(self, delivery: Delivery) -> None:
        """Remember what a record of a control topic asks; what asks nothing is passed by."""
        try:
            envelope = decode(delivery.value, delivery.headers)
            run_id = CancelRequested.model_validate(envelope.data).run_id if envelope.type == CONTROL_TYPE else None
        except (EnvelopeInvalidError, ValidationError) as error:
            _LOG.warning("worker.control.passed_by", topic=delivery.topic, offset=delivery.offset, reason=type(error).__name__)
            return
        if run_id is None:
            return
        self._runs[run_id] = None
        self._runs.move_to_end(run_id)
        if len(self._runs) > self._limit:
            self._runs.popitem(last=False)

    def requested(self, run_id: str) -> bool:
        """Whether the run is to stop."""
        return run_id in self._runs
