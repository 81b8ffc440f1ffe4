"""Atheris on the parsers of schedules: `make fuzz`. Its corpus begins with the texts of the published vectors.

No exception but the domain's may come out, and what is accepted must be its canonical text's equal. What takes longer than
libFuzzer's `-timeout` ends the run like a crash; the input is left in a file.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import atheris

with atheris.instrument_imports(include=["planner"]):
    from planner.domain.dates import parse_moment
    from planner.domain.definition import define
    from planner.domain.errors import DefinitionInvalidError, ScheduleError
    from planner.domain.recurrence.calendar_text import CALENDAR_KINDS, parse_calendar_field
    from planner.domain.recurrence.cron_text import parse_cron
    from planner.domain.recurrence.interval import parse_duration
    from planner.domain.recurrence.rrule_text import parse_rrule

VECTORS: Final = Path(__file__).parent / "vectors"
NOW: Final = datetime(2026, 3, 1, 10, 0, 30, tzinfo=UTC)
ZONES: Final = ("UTC", "Europe/Amsterdam", "Australia/Lord_Howe", "Africa/Casablanca")


def read_cron(text: str) -> None:
    rule = parse_cron(text)
    assert parse_cron(rule.canonical) == rule


def read_rrule(text: str) -> None:
    rule = parse_rrule(text)
    assert parse_rrule(rule.canonical) == rule


def read_calendar_field(text: str) -> None:
    for kind in CALENDAR_KINDS.values():
        for given in (text, text.split(",")):
            with suppress(ScheduleError):
                parse_calendar_field(kind, given)


def define_cron(text: str) -> None:
    define({"action": "a", "recurrence": {"type": "cron", "expression": text}, "timezone": ZONES[len(text) % len(ZONES)]}, now=NOW)


def define_rrule(text: str) -> None:
    recurrence = {"type": "rrule", "rule": text, "dtstart": "1970-01-31T01:30:07"}
    define({"action": "a", "recurrence": recurrence, "timezone": ZONES[len(text) % len(ZONES)]}, now=NOW)


# The first byte of an input chooses among them.
TARGETS: Final[tuple[Callable[[str], Any], ...]] = (
    read_cron,
    read_rrule,
    parse_duration,
    parse_moment,
    read_calendar_field,
    define_cron,
    define_rrule,
)


# Who reads the `expr` of a vector.
READERS: Final[dict[str, tuple[Callable[[str], Any], ...]]] = {
    "cron": (read_cron, define_cron),
    "cron_error": (read_cron,),
    "rrule": (read_rrule, define_rrule),
    "interval": (parse_duration,),
}


def try_one(data: bytes) -> None:
    with suppress(ScheduleError, DefinitionInvalidError):
        TARGETS[int.from_bytes(data[:1]) % len(TARGETS)](data[1:].decode(errors="surrogateescape"))


def write_corpus(folder: Path) -> None:
    """A file for each text of the vectors and each target that may read it."""
    texts: dict[Callable[[str], Any], set[str]] = {target: set() for target in TARGETS}
    for line in (VECTORS / "recurrence.jsonl").read_text(encoding="utf-8").splitlines():
        vector = json.loads(line)
        for target in READERS.get(vector["kind"], ()):
            texts[target].add(vector["expr"])
        texts[parse_moment].add(str(vector.get("start") or vector.get("dtstart") or vector.get("label")))
        texts[read_calendar_field].update(map(str, (vector.get("calendar") or {}).values()))
    for number, target in enumerate(TARGETS):
        for text in texts[target]:
            content = bytes((number,)) + text.encode()
            (folder / sha256(content).hexdigest()).write_bytes(content)


if __name__ == "__main__":
    corpus = Path(sys.argv[1])
    if not any(corpus.iterdir()):
        write_corpus(corpus)
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
