"""What is wrong with a definition: stable code, pointer, position, hint (scheduling.md, section 6)."""

from enum import IntEnum

from planner.domain.limits import EXCERPT_CHARACTERS_MAX, FAULT_CHARACTERS_MAX, FAULTS_MAX
from planner_contracts.errors import ErrorCode
from planner_contracts.plan_event import FieldFault


class Stage(IntEnum):
    """The order in which a definition is judged, and in which its faults are listed."""

    TYPE = 1
    LENGTH = 2
    CHARACTERS = 3
    STRUCTURE = 4
    VALUES = 5
    COMBINATIONS = 6
    APPLICABILITY = 7
    ZONE_AND_DATES = 8
    SATISFIABILITY = 9
    FIRST_OCCURRENCE = 10
    PAST = 11
    SPACING = 12


class ScheduleError(ValueError):
    """One fault of one text or value. Whoever read it from a definition knows the pointer."""

    def __init__(self, code: ErrorCode, stage: Stage, detail: str, *, position: int | None = None, hint: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.stage = stage
        self.detail = detail
        self.position = position
        self.hint = hint


class DefinitionInvalidError(ValueError):
    """A definition that is refused. `faults` has at least one; the first is *the* code."""

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        assert faults
        super().__init__(f"{faults[0].pointer}: {faults[0].code}: {faults[0].detail}")
        self.faults = faults


class CommandRefusedError(Exception):
    """A command that is not carried out, and why; `faults` of a definition that is refused."""

    def __init__(self, code: ErrorCode, detail: str, faults: tuple[FieldFault, ...] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.faults = faults


class Faults:
    """The faults found so far. At most one for each pointer is kept: the first."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Stage, FieldFault]] = {}

    def add(self, pointer: str, code: ErrorCode, stage: Stage, detail: str, *, hint: str | None = None) -> None:
        self.report(pointer, ScheduleError(code, stage, detail, hint=hint))

    def report(self, pointer: str, error: ScheduleError) -> None:
        """Pointer and detail are told up to FAULT_CHARACTERS_MAX: either may hold a name that the caller has made up."""
        shown, detail = _cut(pointer), _cut(error.detail)
        fault = FieldFault(pointer=shown, code=error.code, detail=detail, position=error.position, hint=error.hint)
        self._found.setdefault(pointer, (error.stage, fault))

    def sound(self, *pointers: str) -> bool:
        """Whether none of these fields, and nothing in them, has a fault."""
        return not any(found == pointer or found.startswith(pointer + "/") for found in self._found for pointer in pointers)

    def refuse(self) -> None:
        """Raise DefinitionInvalidError if there is a fault: the first FAULTS_MAX by stage, within a stage in the order in which they were
        found.
        """
        if self._found:
            found = sorted(self._found.values(), key=lambda found: found[0])
            raise DefinitionInvalidError(tuple(fault for _, fault in found[:FAULTS_MAX]))


def excerpt(text: str) -> str:
    """The text as a detail quotes it: readable, at most 40 characters of it."""
    return repr(_cut(text, EXCERPT_CHARACTERS_MAX))


def _cut(text: str, longest: int = FAULT_CHARACTERS_MAX) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def pointer_step(name: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
