"""Every document that crosses a process boundary: its model, and where it stands. `schemas/` and `examples/` are named after these."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from planner_contracts.action import ACTION_TYPE_PREFIX, CONTROL_TYPE, Action, CancelRequested
from planner_contracts.calendar import CALENDAR_COPIED_TYPE, Calendar, CalendarChanged, CalendarCopied
from planner_contracts.envelope import ATTRIBUTE_CHARACTERS_MAX
from planner_contracts.plan import Plan, PlanDefinition
from planner_contracts.plan_command import COMMANDS
from planner_contracts.plan_event import CommandRejected, PlanChanged, PlanCompleted, PlanEventType
from planner_contracts.run import Run
from planner_contracts.run_event import OccurrenceHeld, OccurrenceSkipped, RunChanged, RunEventType
from planner_contracts.run_report import REPORT_TYPE, RunReport
from planner_contracts.topics import TopicRole

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Document:
    """`types`: the CloudEvents whose `data` it is, and `topic` where they lie; a resource of the HTTP API alone has neither."""

    model: type[BaseModel]
    types: tuple[str, ...] = ()
    topic: TopicRole | None = None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what is accepted as this document."""
        return {"$schema": DIALECT, **self.model.model_json_schema(by_alias=True, mode="validation")}


_ABOUT_CALENDARS: Final = (PlanEventType.CALENDAR_CHANGED, PlanEventType.CALENDAR_DELETED)
_ABOUT_COMMANDS: Final = tuple(
    kind for kind in PlanEventType if kind not in (PlanEventType.COMPLETED, PlanEventType.COMMAND_REJECTED, *_ABOUT_CALENDARS)
)
_ABOUT_RUNS: Final = tuple(kind for kind in RunEventType if kind is not RunEventType.OCCURRENCE_SKIPPED)

DOCUMENTS: Final[dict[str, Document]] = {
    "plan_definition": Document(PlanDefinition),
    "plan": Document(Plan),
    "run": Document(Run),
    "calendar": Document(Calendar),
    **{
        kind.removeprefix("planner.").replace(".", "_"): Document(model, (kind,), TopicRole.PLAN_COMMANDS)
        for kind, model in COMMANDS.items()
    },
    "plan_changed": Document(PlanChanged, _ABOUT_COMMANDS, TopicRole.PLAN_EVENTS),
    "plan_completed": Document(PlanCompleted, (PlanEventType.COMPLETED,), TopicRole.PLAN_EVENTS),
    "command_rejected": Document(CommandRejected, (PlanEventType.COMMAND_REJECTED,), TopicRole.PLAN_EVENTS),
    "calendar_copied": Document(CalendarCopied, (CALENDAR_COPIED_TYPE,), TopicRole.PLAN_COMMANDS),
    "calendar_changed": Document(CalendarChanged, _ABOUT_CALENDARS, TopicRole.PLAN_EVENTS),
    "action": Document(Action, (f"{ACTION_TYPE_PREFIX}<action>",), TopicRole.ACTION),
    "cancel_requested": Document(CancelRequested, (CONTROL_TYPE,), TopicRole.CONTROL),
    "run_report": Document(RunReport, (REPORT_TYPE,), TopicRole.RUN_REPORTS),
    "run_changed": Document(RunChanged, _ABOUT_RUNS, TopicRole.RUN_EVENTS),
    "occurrence_skipped": Document(OccurrenceSkipped, (RunEventType.OCCURRENCE_SKIPPED,), TopicRole.RUN_EVENTS),
    "occurrence_held": Document(OccurrenceHeld, (RunEventType.OCCURRENCE_HELD,), TopicRole.RUN_EVENTS),
}

_NAME: Final = {"type": "string", "minLength": 1, "maxLength": ATTRIBUTE_CHARACTERS_MAX}
_OPTIONAL: Final = {"type": ["string", "null"], "maxLength": ATTRIBUTE_CHARACTERS_MAX}
RECORD_SCHEMA: Final[dict[str, Any]] = {
    "$schema": DIALECT,
    "title": "Record",
    "description": "The value of every record but the changelog's: a CloudEvent 1.0 in structured mode. Further attributes are ignored.",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _NAME,
        "source": _NAME,
        "type": _NAME | {"description": "Names the document that `data` is."},
        "time": _OPTIONAL | {"format": "date-time"},
        "subject": _OPTIONAL,
        "datacontenttype": {"type": "string"},
        "tenantid": _OPTIONAL,
        "organizationid": _OPTIONAL,
        "traceparent": _OPTIONAL,
        "data": {"type": "object"},
    },
    "required": ["specversion", "id", "source", "type", "data"],
}


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its name: the file `schemas/<name>.json`."""
    return {"record": RECORD_SCHEMA, **{name: document.schema() for name, document in DOCUMENTS.items()}}
