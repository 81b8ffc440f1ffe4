"""The published vectors: the preview requests that each of them needs, and what is wrong with an answer (scheduling.md, section 7)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

Vector = dict[str, Any]
Answer = dict[str, Any]

FOLDER: Final = Path(__file__).parents[1] / "property" / "vectors"
_REFUSED_LABELS: Final = {"repeated": "LOCAL_TIME_AMBIGUOUS", "skipped": "LOCAL_TIME_NONEXISTENT"}
_RRULE_NAMES: Final = {"rule": "expr", "dtstart": "dtstart", "exdates": "exdate", "rdates": "rdate"}
_HOSTILE_RRULE_NAMES: Final = {**_RRULE_NAMES, "rule": "rrule"}
_INTERVAL_NAMES: Final = ("every_seconds", "every", "anchor")
_UNWRITABLE: Final = "MALFORMED_JSON"
_NEVER: Final = "SCHEDULE_NEVER_FIRES"


@dataclass(frozen=True, slots=True)
class Case:
    """One request of a vector. `refused`: the codes of which one must be answered; none where `fires` must be, in order.

    `flags`: which of the two DST flags the first occurrence must have, if that is said. `complete`: whether that must be answered.
    """

    name: str
    request: dict[str, Any]
    fires: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    flags: frozenset[str] | None = None
    complete: bool = False

    def fault(self, answer: Answer) -> str | None:
        """Why the answer is wrong; None where it is right."""
        if "error" in answer:
            code = answer["error"]["code"]
            return None if code in self.refused else f"{self.name}: {code}: {answer['error']['detail']}"
        found = answer["occurrences"]
        # A published rule without a fire is one that this specification refuses.
        if self.refused and not self.fires:
            return f"{self.name}: accepted, {found[:2]}"
        if tuple(occurrence["scheduled_for"] for occurrence in found) != self.fires:
            return f"{self.name}: {found}, not {self.fires}"
        if not all(_same_instant(occurrence) for occurrence in found):
            return f"{self.name}: local is another instant"
        if self.flags is not None and {"dst_gap", "dst_fold"} & set(found[0]["flags"]) != self.flags:
            return f"{self.name}: {found[0]['flags']}, not {self.flags}"
        return f"{self.name}: not complete" if self.complete and answer["complete"] is not True else None


def recurrence_vectors(kind: str | None = None) -> list[Vector]:
    return [vector for vector in _read("recurrence.jsonl") if kind in (None, vector["kind"])]


def hostile_vectors() -> list[Vector]:
    return _read("hostile.jsonl")


def cases(vector: Vector) -> Iterator[Case]:
    """The requests of a recurrence vector: four for a local time, two for an interval, else one."""
    if vector["kind"] == "local_time":
        yield from _local_time_cases(vector)
    elif vector["kind"] == "cron_error":
        yield Case(vector["id"], _request(vector, limit=1), refused=frozenset({vector["expected_error"]}))
    else:
        complete = bool(vector.get("complete"))
        # One more where the vector says that there is none.
        limit = max(1, len(vector["expected"]) + complete)
        refused = frozenset() if vector["expected"] else frozenset({_NEVER})
        for written in ("every_seconds", "every") if vector["kind"] == "interval" else ("",):
            request = _request(vector, limit=limit, written=written)
            yield Case(f"{vector['id']}#{written}", request, fires=tuple(vector["expected"]), refused=refused, complete=complete)


def hostile_case(vector: Vector) -> Case:
    """The request of a hostile vector."""
    given = {name: _text(value) for name, value in vector["input"].items()}
    after = given.pop("after", None)
    if "cron" in given:
        given["recurrence"] = {"type": "cron", "expression": given.pop("cron")}
    elif "rrule" in given:
        members = {ours: given.pop(theirs) for ours, theirs in _HOSTILE_RRULE_NAMES.items() if theirs in given}
        given["recurrence"] = {"type": "rrule", **members}
    elif "execute_at" not in given:
        given["recurrence"] = {"type": "interval", **{name: given.pop(name) for name in _INTERVAL_NAMES if name in given}}
    answers = vector["expect"].get("either", [vector["expect"]])
    fires = next((tuple(answer["next"]) for answer in answers if answer["accept"]), ())
    refused = frozenset(code for answer in answers if not answer["accept"] for code in answer["error_any_of"])
    if not _is_json(vector["input"]):
        refused |= {_UNWRITABLE}
    request = {"id": vector["id"], "schedule": given, "after": after, "limit": max(1, len(fires))}
    return Case(f"{vector['id']} {vector['name']}", request, fires=fires, refused=refused)


def _local_time_cases(vector: Vector) -> Iterator[Case]:
    kind = vector["classification"]
    flags = frozenset({"dst_gap"} if kind == "skipped" else {"dst_fold"} if kind == "repeated" else ())
    for policy, fire in vector["expected"].items():
        dst = dict(part.split("=") for part in policy.split(","))
        yield Case(f"{vector['id']}#{policy}", _request(vector, limit=1, dst=dst), fires=(fire,), flags=flags)
    plain = f"{vector['id']}#none"
    if kind in _REFUSED_LABELS:
        yield Case(plain, _request(vector, limit=1), refused=frozenset({_REFUSED_LABELS[kind]}))
    else:
        yield Case(plain, _request(vector, limit=1), fires=(next(iter(vector["expected"].values())),), flags=flags)


def _request(vector: Vector, *, limit: int, written: str = "", dst: dict[str, str] | None = None) -> dict[str, Any]:
    schedule: dict[str, Any] = {"timezone": vector["tz"]}
    match vector["kind"]:
        case "cron" | "cron_error":
            schedule["recurrence"] = {"type": "cron", "expression": vector["expr"]}
        case "calendar":
            schedule["recurrence"] = {"type": "calendar", **vector["calendar"]}
        case "rrule":
            schedule["recurrence"] = {"type": "rrule", **{ours: vector[theirs] for ours, theirs in _RRULE_NAMES.items()}}
        case "interval":
            period = {"every": vector["expr"]} if written == "every" else {"every_seconds": vector["period_seconds"]}
            schedule["recurrence"] = {"type": "interval", "anchor": vector["anchor"], **period}
        case _:
            schedule |= {"execute_at": vector["label"], "dst": dst}
    return {"id": vector["id"], "schedule": schedule, "after": vector.get("start"), "limit": limit}


def _read(file: str) -> list[Vector]:
    return [json.loads(line) for line in (FOLDER / file).read_text(encoding="utf-8").splitlines()]


def _text(value: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
    """A long text is written as `pre` + `rep` · n + `post`."""
    return value["pre"] + value["rep"] * value["n"] + value["post"] if isinstance(value, dict) and "rep" in value else value


def _is_json(document: object) -> bool:
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True


def _same_instant(occurrence: dict[str, Any]) -> bool:
    return datetime.fromisoformat(occurrence["local"]) == datetime.fromisoformat(occurrence["scheduled_for"])
