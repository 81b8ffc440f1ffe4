"""The handlers of a worker: which function performs which action, and what payload it wants."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import to_json

from planner.worker.run import Run

Handler = Callable[[Any], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ActionHandler:
    """A function and the type of its payload: `X` where it takes `Run[X]`, an object of any JSON where it takes `Run`."""

    action: str
    perform: Handler
    payload_type: TypeAdapter[Any]

    def payload(self, given: dict[str, Any]) -> object:
        """The payload as the handler's type; raises pydantic's ValidationError."""
        # As JSON, not as Python objects: a strict model still takes a date or a UUID from its text then.
        return self.payload_type.validate_json(to_json(given))


def action_handler(action: str, perform: Handler) -> ActionHandler:
    """Read the payload's type off the function's first parameter. Raises TypeError for what is no handler."""
    if not inspect.iscoroutinefunction(perform):
        raise TypeError(f"the handler of {action} must be an async function")
    parameters = list(inspect.signature(perform).parameters)
    if len(parameters) != 1:
        raise TypeError(f"the handler of {action} must take one parameter, the run")
    annotation = get_type_hints(perform).get(parameters[0], Run)
    if annotation is Run:
        return ActionHandler(action, perform, TypeAdapter(dict[str, Any]))
    if get_origin(annotation) is not Run:
        raise TypeError(f"the handler of {action} must take a Run, not {annotation!r}")
    (payload_type,) = get_args(annotation)
    return ActionHandler(action, perform, TypeAdapter(payload_type))
