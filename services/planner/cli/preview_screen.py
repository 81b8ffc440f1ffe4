"""A preview, or why there is none, for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from planner.cli.columns import columns
from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.preview import Flag, Preview, ShownOccurrence
from planner_contracts.instants import format_instant
from planner_contracts.plan_event import FieldFault

# A longer text is not shown again: its error says where.
_TEXT_CHARACTERS_MAX: Final = 120


def show_preview(found: Preview, console: Console) -> None:
    """The occurrences with what sets them apart, and what may not have been meant."""
    console.print(Text(" · ".join(_facts(found)), style="bold"))
    jittered = any(Flag.JITTERED in occurrence.flags for occurrence in found.occurrences)
    heading, *lines = columns([_headings(jittered=jittered), *(_cells(at, jittered=jittered) for at in found.occurrences)])
    if lines:
        console.print(Text(heading, style="dim"))
    for occurrence, line in zip(found.occurrences, lines, strict=True):
        console.print(Text(line, style="yellow" if occurrence.flags else ""))
    console.print(Text(_end(found), style="dim"))
    for warning in found.warnings:
        console.print(Text(f"warning: {warning.code} at {warning.pointer}: {warning.detail}", style="yellow"))


def show_faults(faults: Sequence[FieldFault], given: Mapping[str, Any], console: Console) -> None:
    """Each fault with the text that it is about, a mark under its place, and the hint."""
    for fault in faults:
        console.print(Text(f"error: {fault.code} at {fault.pointer or '/'}: {fault.detail}", style="red"))
        for line in _marked(fault, given):
            console.print(Text(line))
        if fault.hint is not None:
            console.print(Text(f"  hint: {fault.hint}", style="cyan"))


def _facts(found: Preview) -> Iterator[str]:
    if found.canonical is not None:
        yield found.canonical
    yield found.timezone
    yield f"tzdata {TZDATA_VERSION}"


def _headings(*, jittered: bool) -> list[str]:
    return ["local time", "scheduled_for", *(["due_at"] if jittered else []), "flags"]


def _cells(occurrence: ShownOccurrence, *, jittered: bool) -> list[str]:
    due = "unknown" if occurrence.due_at is None else format_instant(occurrence.due_at)
    local = f"{occurrence.local:%a} {occurrence.local.isoformat()}"
    return [local, format_instant(occurrence.scheduled_for), *([due] if jittered else []), " ".join(occurrence.flags)]


def _end(found: Preview) -> str:
    if not found.occurrences:
        return "no occurrence" if found.complete else "none found within the search budget"
    return "no further occurrence" if found.complete else "and more"


def _marked(fault: FieldFault, given: Mapping[str, Any]) -> Iterator[str]:
    text: object = given
    for step in fault.pointer.split("/")[1:]:
        text = text.get(step) if isinstance(text, Mapping) else None
    if fault.position is not None and isinstance(text, str) and text.isprintable() and len(text) <= _TEXT_CHARACTERS_MAX:
        yield f"  {text}"
        yield f"  {' ' * fault.position}^"
