"""Occurrences that an outage has passed by are told of as ranges, with how many there were."""

from datetime import timedelta

from planner_contracts.instants import format_instant
from support.incoming import a_create
from support.plans import MINUTELY, NOON
from support.shards import PureShard

MINUTE = timedelta(minutes=1)


def test_the_occurrences_of_an_outage_are_one_range_with_its_ends_its_count_and_what_stands_for_it() -> None:
    shard = PureShard()
    shard.tick(a_create(MINUTELY | {"misfire": {"max_lateness_seconds": None}}), now=NOON)
    ticked = shard.tick(now=NOON + 2000 * MINUTE)
    (skip,) = ticked.of("occurrence.skipped")
    told = (skip["reason"], skip["scheduled_for"], skip["from"], skip["to"], skip["count"], skip["into"])
    first, last, latest = (format_instant(NOON + minute * MINUTE) for minute in (1, 1999, 2000))
    assert told == ("coalesced", None, first, last, 1999, latest)
    assert [action["scheduled_for"] for action in ticked.actions] == [latest]
    assert skip["next_run_at"] == format_instant(NOON + 2001 * MINUTE)
