"""Reading one JSON object of a definition: its members' types and ranges, each fault with its pointer."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

from planner.domain.errors import Faults, ScheduleError, Stage, excerpt, pointer_step
from planner.domain.limits import FAULTS_MAX
from planner.domain.nearest import nearest
from planner_contracts.errors import ErrorCode
from planner_contracts.strict_json import text_is_storable

Read = TypeVar("Read")
# So many names are listed in a hint.
_LISTED_MAX: Final = 12


class FieldReader:
    """The members of one object. A read member is null where it is absent, null, or faulty; `faults` tells which."""

    def __init__(self, given: Mapping[str, Any], faults: Faults, *, pointer: str = "") -> None:
        self._given = given
        self._pointer = pointer
        self.faults = faults

    def pointer(self, name: str) -> str:
        return self._pointer + pointer_step(name)

    def has(self, name: str) -> bool:
        """Whether the member is given; null means absent."""
        return self._given.get(name) is not None

    def names(self, name: str) -> bool:
        """Whether the member stands there at all, null included."""
        return name in self._given

    def sound(self, *names: str) -> bool:
        """Whether none of the members, and nothing in them, has a fault."""
        return self.faults.sound(*(self.pointer(name) for name in names))

    def raw(self, name: str) -> Any:  # noqa: ANN401  JSON has no narrower type
        return self._given.get(name)

    def fault(self, name: str, code: ErrorCode, stage: Stage, detail: str, *, hint: str | None = None) -> None:
        self.faults.add(self.pointer(name), code, stage, f"{name}: {detail}", hint=hint)

    def parsed(self, name: str, parse: Callable[[Any], Read]) -> Read | None:
        """The member as a parser reads it; what the parser raises becomes the fault."""
        if not self.has(name):
            return None
        try:
            return parse(self._given[name])
        except ScheduleError as error:
            self.faults.report(self.pointer(name), error)
            return None

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(name, ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "an integer is expected")
            return None
        return value if self._within(name, value, low, high) else None

    def number(self, name: str, low: int, high: int) -> float | None:
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(name, ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "a number is expected")
            return None
        return value if self._within(name, value, low, high) else None

    def boolean(self, name: str) -> bool | None:
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return value
        self.fault(name, ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "true or false is expected")
        return None

    def string(self, name: str) -> str | None:
        value = self.raw(name)
        if value is None or isinstance(value, str):
            return value
        self.fault(name, ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "a string is expected")
        return None

    def choice(self, name: str, choices: Collection[str], *, code: ErrorCode = ErrorCode.FIELD_INVALID) -> str | None:
        value = self.string(name)
        if value is None or value in choices:
            return value
        self.fault(name, code, Stage.VALUES, f"{excerpt(value)} is not one of {', '.join(choices)}")
        return None

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        value = self.raw(name)
        if value is None or isinstance(value, Mapping):
            return value
        self.fault(name, ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "an object is expected")
        return None

    def array(self, name: str) -> Sequence[Any]:
        """The member, which must be a list; an empty one where it is not."""
        value = self.raw(name)
        if value is None or isinstance(value, list):
            return value or []
        self.fault(name, ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "a list is expected")
        return []

    def each(self, name: str, parse: Callable[[Any], Read]) -> list[Read]:
        """The items of a list as a parser reads them; a faulty one is left out."""
        read = []
        for at, item in enumerate(self.array(name)):
            try:
                read.append(parse(item))
            except ScheduleError as error:
                self.faults.report(f"{self.pointer(name)}/{at}", error)
        return read

    def child(self, name: str) -> "FieldReader | None":
        """A reader of the member, which must be an object."""
        value = self.mapping(name)
        return None if value is None else FieldReader(value, self.faults, pointer=self.pointer(name))

    def require(self, name: str, *, code: ErrorCode = ErrorCode.FIELD_REQUIRED, hint: str | None = None) -> None:
        if not self.has(name):
            stage = Stage.STRUCTURE if code is ErrorCode.FIELD_REQUIRED else Stage.TYPE
            self.fault(name, code, stage, "a value is required", hint=hint)

    def refuse_unknown(self, known: Collection[str]) -> None:
        foreign = (name for name in self._given if name not in known)
        for at, name in enumerate(foreign):
            if text_is_storable(name):
                # No more faults are told, and a request may have fifty thousand.
                hint = _field_hint(name, known) if at < FAULTS_MAX else None
                detail = f"{excerpt(name)} is no field of this object"
                self.faults.add(self.pointer(name), ErrorCode.UNKNOWN_FIELD, Stage.STRUCTURE, detail, hint=hint)
            else:
                self.faults.add(self._pointer, ErrorCode.FIELD_INVALID, Stage.CHARACTERS, f"{excerpt(name)} cannot be stored")

    def unsupported(self, name: str, *, hint: str = "leave it out") -> None:
        """The member asks for what a later version does. It comes last: a fault of the member itself has been found by then."""
        self.fault(name, ErrorCode.FIELD_INVALID, Stage.VALUES, "not supported by this version", hint=hint)

    def _within(self, name: str, value: float, low: int, high: int) -> bool:
        inside = low <= value <= high
        if not inside:
            self.fault(name, ErrorCode.FIELD_OUT_OF_RANGE, Stage.VALUES, f"{low} to {high}")
        return inside


def _field_hint(name: str, known: Collection[str]) -> str | None:
    """The field that may be meant, and those there are if they are few."""
    meant = nearest(name, known)
    told = [] if meant is None else [f"is {meant} meant?"]
    if len(known) <= _LISTED_MAX:
        told.append(f"the fields are {', '.join(known)}")
    return " ".join(told) or None
