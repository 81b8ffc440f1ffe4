"""The timelines of docs/when-exactly.md, by the mark under which they stand there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from support.timelines import CANCEL, PAUSE, Ask, Away, Timeline, change, resume, with_timelines

PAGE: Final = Path(__file__).parents[2] / "docs" / "when-exactly.md"

Document = dict[str, Any]

AMSTERDAM: Final = "Europe/Amsterdam"
NEW_YORK: Final = "America/New_York"


def cron(expression: str, timezone: str = "UTC", **fields: Any) -> Document:  # noqa: ANN401 any field of a plan
    return {"recurrence": {"type": "cron", "expression": expression}, "timezone": timezone, **fields}


def rrule(rule: str, dtstart: str, timezone: str, **fields: Any) -> Document:  # noqa: ANN401 any field of a plan
    return {"recurrence": {"type": "rrule", "rule": rule, "dtstart": dtstart}, "timezone": timezone, **fields}


def ten_minutes(**fields: Any) -> Document:  # noqa: ANN401 any field of a plan
    return cron("*/10 * * * *", **fields)


def spring(plan: Document) -> Timeline:
    """02:00 becomes 03:00 in Amsterdam at 01:00 UTC on 28 March."""
    return Timeline(plan=plan, created="2027-03-26T12:00:00Z", until="2027-03-29T12:00:00Z")


def spring_night(plan: Document) -> Timeline:
    return Timeline(plan=plan, created="2027-03-28T00:10:00Z", until="2027-03-28T02:00:00Z")


def autumn(plan: Document) -> Timeline:
    """02:00 becomes 01:00 in New York at 06:00 UTC on 7 November."""
    return Timeline(plan=plan, created="2027-11-06T12:00:00Z", until="2027-11-08T12:00:00Z")


def autumn_night(plan: Document) -> Timeline:
    return Timeline(plan=plan, created="2027-11-07T04:50:00Z", until="2027-11-07T07:00:00Z")


def away(**fields: Any) -> Timeline:  # noqa: ANN401 any field of a plan
    return Timeline(plan=ten_minutes(**fields), created="09:55", until="12:40", steps=[("10:05", Away("12:30:10"))])


def paused(backlog: str) -> Timeline:
    return Timeline(plan=ten_minutes(), created="09:55", until="10:40", steps=[("10:05", PAUSE), ("10:35", resume(backlog))])


def overlapping(policy: str) -> Timeline:
    """The run of 10:00 takes 25 minutes; with `queue_all` the next one takes three."""
    return Timeline(plan=ten_minutes(overlap=policy), created="09:55", until="10:40", runs={"10:00": "10:25", "10:10": "10:28"})


def daily(*steps: tuple[str, Ask | Away]) -> Timeline:
    """An update while the occurrence of 09:00, due 190 seconds later by jitter, has no outcome yet."""
    plan = cron("0 9 * * *", payload={"n": 1}, jitter_seconds=600)
    return Timeline(plan=plan, created="08:00", until="18:10", steps=steps)


STORIES: Final[Mapping[str, Sequence[Timeline]]] = {
    "gap": [spring(cron("30 2 * * *", AMSTERDAM, **({"dst": {"gap": gap}} if gap else {}))) for gap in (None, "shift", "skip")],
    "gap-rrule": [spring(rrule("FREQ=DAILY", "2027-03-01T02:30:00", AMSTERDAM))],
    "gap-quarters": [
        spring_night(cron("*/15 2 * * *", AMSTERDAM)),
        *(spring_night(cron("0,15,30,45 2 * * *", AMSTERDAM, dst={"gap": gap})) for gap in ("next_valid", "shift", "skip")),
    ],
    "gap-wildcard": [
        spring_night(cron("*/30 * * * *", AMSTERDAM)),
        spring_night(cron("*/30 2 * * *", AMSTERDAM)),
        spring_night({"recurrence": {"type": "interval", "every_seconds": 1800, "anchor": "2027-03-28T00:10:00Z"}, "timezone": AMSTERDAM}),
    ],
    "fold": [autumn(cron("30 1 * * *", NEW_YORK, **({"dst": {"fold": fold}} if fold else {}))) for fold in (None, "last", "both")],
    "fold-wildcard": [autumn_night(cron("*/30 1 * * *", NEW_YORK)), autumn_night(cron("0-59/30 1 * * *", NEW_YORK))],
    "roll": [
        Timeline(
            plan={"recurrence": {"type": "calendar", "hour": "9", "day_of_month": "1", "roll": "next", "holidays": ["2027-08-02"]}},
            created="2027-04-20T12:00:00Z",
            until="2027-08-31T12:00:00Z",
        )
    ],
    "missed": [away(), away(misfire={"coalesce": "earliest"}), away(misfire={"coalesce": "none"})],
    "missed-limits": [
        away(misfire={"coalesce": "none", "max_catchup": 2}),
        away(misfire={"max_lateness_seconds": None}),
        away(misfire={"max_lateness_seconds": 60}),
    ],
    "missed-shortly": [Timeline(plan=cron("*/20 * * * * *"), created="09:59:50", until="10:01:40", steps=[("10:00:30", Away("10:01:30"))])],
    "missed-range": [
        Timeline(plan=cron("* * * * * *"), created="09:59:58", until="12:30:11", steps=[("10:00:00.500000", Away("12:30:10"))])
    ],
    "missed-over-a-change": [
        Timeline(
            plan=cron("30 2 * * *", AMSTERDAM, misfire={"max_lateness_seconds": 172_800, "coalesce": "none"}),
            created="2027-03-26T12:00:00Z",
            until="2027-03-30T12:00:00Z",
            steps=[("2027-03-27T12:00:00Z", Away("2027-03-29T06:00:00Z"))],
        )
    ],
    "pause": [paused(backlog) for backlog in ("skip", "latest", "all")],
    "pause-over-a-change": [
        Timeline(
            plan=cron("30 1 * * *", NEW_YORK, dst={"fold": "both"}, misfire={"max_lateness_seconds": None}),
            created="2027-11-06T12:00:00Z",
            until="2027-11-08T12:00:00Z",
            steps=[("2027-11-07T00:00:00Z", PAUSE), ("2027-11-07T12:00:00Z", resume("all"))],
        )
    ],
    "overlap": [overlapping(policy) for policy in ("allow", "skip", "queue_one", "queue_all", "cancel_previous")],
    "overlap-missed": [
        Timeline(
            plan=ten_minutes(overlap="queue_all", misfire={"coalesce": "none"}),
            created="09:55",
            until="10:45",
            steps=[("10:05", Away("10:32"))],
            runs={"10:00": "10:35", "10:10": "10:38", "10:20": "10:42"},
        )
    ],
    "overlap-pause": [
        Timeline(
            plan=ten_minutes(overlap="queue_all"),
            created="09:55",
            until="10:40",
            steps=[("10:15", PAUSE), ("10:35", resume("all"))],
            runs={"10:00": "10:25", "10:10": "10:36"},
        )
    ],
    "overlap-resume": [
        Timeline(
            plan=ten_minutes(overlap=policy),
            created="09:55",
            until="10:40",
            steps=[("10:05", PAUSE), ("10:35", resume("all"))],
            runs={"10:00": "10:02", "10:10": "10:37"},
        )
        for policy in ("skip", "queue_one")
    ],
    "update": [
        daily(("09:03", change(payload={"n": 2}))),
        daily(("09:03", change(jitter_seconds=0))),
        daily(("09:03", change(recurrence={"expression": "0 18 * * *"}))),
        daily(("09:03", CANCEL)),
    ],
    "update-paused": [
        Timeline(
            plan=ten_minutes(),
            created="09:55",
            until="10:50",
            steps=[("10:05", PAUSE), ("10:35", change(recurrence={"expression": "*/20 * * * *"})), ("10:45", resume("all"))],
        )
    ],
    "update-zone": [
        Timeline(
            plan=cron("0 9 * * *", AMSTERDAM),
            created="2027-06-01T06:00:00Z",
            until="2027-06-02T14:00:00Z",
            steps=[("2027-06-01T12:00:00Z", change(timezone=NEW_YORK))],
        )
    ],
    "max-runs": [
        Timeline(plan=ten_minutes(max_runs=3, overlap="skip"), created="09:55", until="10:50", runs={"10:00": "10:15"}),
    ],
}


if __name__ == "__main__":
    PAGE.write_text(with_timelines(PAGE.read_text(encoding="utf-8"), STORIES), encoding="utf-8")
