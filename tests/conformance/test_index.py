"""What planner.owner.index.Index promises, kept by Redis and by the model in memory alike."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

import pytest

from planner.domain.plan import StateKind
from planner.owner import changelog
from planner.owner.index import OPEN_RUNS_ENOUGH, Change, Due, Index, IndexDamagedError, IndexMovedError, Position, StateKey
from planner.owner.keys import ShardKeys
from planner.runtime.clock import SystemIds
from planner.runtime.failures import UnavailableError
from planner.runtime.redis import redis_client
from support.indexes import OpenIndex, OpenMemory, OpenRedis
from support.plans import NOON
from support.runs import a_run

SECOND: Final = timedelta(seconds=1)
OTHER: Final = "0f0f0f0f"


@pytest.fixture(params=["redis", "memory"])
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[OpenIndex]:
    if request.param == "memory":
        yield OpenMemory()
        return
    redis = redis_client(request.getfixturevalue("redis_url"))
    yield OpenRedis(redis, ShardKeys(f"t{SystemIds().uuid()[:12]}", 3))
    await redis.aclose()


def at(offset: int, incarnation: str = "1a1a1a1a") -> Position:
    return Position(incarnation, offset, NOON + offset * SECOND, f'{{"commands":{offset}}}'.encode())


def key(name: str, tenant: str = "acme", kind: StateKind = StateKind.CURSOR) -> StateKey:
    return StateKey(kind, tenant, name)


def plan(name: str, wakes: datetime | None, tenant: str = "acme", *, size: int = 1) -> list[Change]:
    """A plan's two records, and its timer."""
    definition = Change(key(name, tenant, StateKind.DEFINITION), b"d" * size)
    return [definition, Change(key(name, tenant), f"cursor {name}".encode(), wakes)]


def gone(name: str, tenant: str = "acme", kind: StateKind = StateKind.CURSOR) -> Change:
    return Change(key(name, tenant, kind), None)


async def built(opened: OpenIndex, *changes: Change, offset: int = 10) -> Index:
    index = opened.client()
    await index.build(await index.found(), changes, at(offset))
    return index


def names(due: Due) -> list[str]:
    return [timer.key.id for timer in due.timers]


async def everything_due(index: Index, position: Position) -> Due:
    return await index.due(position, now=NOON + timedelta(days=1), limit=500)


async def test_an_index_that_was_never_written_stands_nowhere(opened: OpenIndex) -> None:
    index = opened.client()
    assert await index.found() is None
    with pytest.raises(IndexMovedError):
        await everything_due(index, at(0))
    with pytest.raises(IndexMovedError):
        await index.read(at(0), [key("a")])
    with pytest.raises(IndexMovedError):
        await index.apply(at(0), [], at(1))
    assert await index.found() is None


async def test_where_it_stands_is_what_was_written_last(opened: OpenIndex) -> None:
    index = await built(opened)
    await index.apply(at(10), [], at(12))
    found = await index.found()
    assert found is not None
    assert (found.marker, found.part, found.appended_at, found.inputs) == (at(12).marker, 0, NOON + 12 * SECOND, b'{"commands":12}')
    assert (found.offset_of("1a1a1a1a"), found.offset_of(OTHER)) == (12, None)


async def test_records_are_read_as_they_were_written_and_what_is_gone_is_left_out(opened: OpenIndex) -> None:
    value = '{"a":"ü \x00 \r\n \U0001f600"}'.encode()
    index = await built(opened, Change(key("a", kind=StateKind.RUN), value, NOON), Change(key("a", kind=StateKind.RECEIPT), b"r"))
    wanted = [key("a", kind=kind) for kind in StateKind]
    assert await index.read(at(10), wanted) == {key("a", kind=StateKind.RUN): value, key("a", kind=StateKind.RECEIPT): b"r"}
    await index.apply(at(10), [gone("a", kind=StateKind.RUN)], at(11))
    assert await index.read(at(11), wanted) == {key("a", kind=StateKind.RECEIPT): b"r"}
    assert await index.read(at(11), []) == {}


async def test_more_records_than_one_call_may_read_are_read(opened: OpenIndex) -> None:
    keys = [key(f"r{number}", kind=StateKind.RECEIPT) for number in range(1201)]
    index = await built(opened, *(Change(wanted, wanted.id.encode()) for wanted in keys))
    assert await index.read(at(10), keys) == {wanted: wanted.id.encode() for wanted in keys}


async def test_an_id_may_hold_any_text_of_a_key(opened: OpenIndex) -> None:
    odd = StateKey(StateKind.RECEIPT, "a.b-c_D", "key:00/11/ü")
    index = await built(opened, Change(odd, b"v", NOON))
    assert await index.read(at(10), [odd]) == {odd: b"v"}
    assert [timer.key for timer in (await everything_due(index, at(10))).timers] == [odd]


async def test_timers_are_due_at_their_microsecond_and_in_rising_order(opened: OpenIndex) -> None:
    tick = timedelta(microseconds=1)
    index = await built(opened, *plan("late", NOON + tick), *plan("early", NOON - tick), *plan("now", NOON), *plan("none", None))
    due = await index.due(at(10), now=NOON, limit=500)
    assert names(due) == ["early", "now"]
    assert names(await index.due(at(10), now=NOON + tick, limit=500)) == ["early", "now", "late"]
    assert due.timers[0].record == b"cursor early"
    assert due.timers[0].definition == b"d"


async def test_only_a_plans_timer_comes_with_a_definition(opened: OpenIndex) -> None:
    index = await built(opened, Change(key("r", kind=StateKind.RUN), b"run", NOON), Change(key("d", kind=StateKind.DEFINITION), b"d"))
    (timer,) = (await everything_due(index, at(10))).timers
    assert (timer.key, timer.record, timer.definition) == (key("r", kind=StateKind.RUN), b"run", None)


async def test_the_head_is_the_earliest_timer_of_all_tenants_due_or_not(opened: OpenIndex) -> None:
    index = await built(opened, *plan("a", NOON + 5 * SECOND), *plan("b", NOON + 3 * SECOND, "beta"))
    assert (await index.due(at(10), now=NOON, limit=500)).head == NOON + 3 * SECOND
    assert await index.apply(at(10), plan("b", NOON + 9 * SECOND, "beta"), at(11)) == NOON + 5 * SECOND
    assert await index.apply(at(11), [*plan("a", None)], at(12)) == NOON + 9 * SECOND
    assert await index.apply(at(12), [gone("b", "beta")], at(13)) is None
    assert (await index.due(at(13), now=NOON + 60 * SECOND, limit=500)).head is None


async def test_a_definition_that_is_written_alone_leaves_its_plans_timer(opened: OpenIndex) -> None:
    index = await built(opened, *plan("a", NOON))
    await index.apply(at(10), [Change(key("a", kind=StateKind.DEFINITION), b"new")], at(11))
    (timer,) = (await everything_due(index, at(11))).timers
    assert timer.definition == b"new"


async def test_reading_what_is_due_changes_nothing(opened: OpenIndex) -> None:
    index = await built(opened, *plan("a", NOON))
    assert await everything_due(index, at(10)) == await everything_due(index, at(10))


async def test_a_tenant_with_many_timers_leaves_the_others_their_share(opened: OpenIndex) -> None:
    hot = [change for number in range(40) for change in plan(f"h{number:02}", NOON + number * SECOND / 100, "hot")]
    index = await built(opened, *hot, *plan("a", NOON + SECOND), *plan("b", NOON + SECOND, "beta"))
    due = await index.due(at(10), now=NOON + 2 * SECOND, limit=9)
    assert names(due) == ["h00", "a", "b", "h01", "h02"]
    alone = await index.due(at(10), now=NOON + SECOND / 2, limit=9)
    assert names(alone) == [f"h{number:02}" for number in range(9)]


async def test_a_tenant_with_large_payloads_leaves_the_others_their_share_of_the_bytes(opened: OpenIndex) -> None:
    # Its timers came first, and filled each read until all of them had fired.
    hot = [change for number in range(40) for change in plan(f"h{number:02}", NOON, "hot", size=400_000)]
    index = await built(opened, *hot, *plan("a", NOON + SECOND), *plan("b", NOON + SECOND, "beta"))
    due = await index.due(at(10), now=NOON + 2 * SECOND, limit=9)
    assert names(due) == ["h00", "a", "b", "h01", "h02"]


@pytest.mark.parametrize("size", [1, 200_000])
async def test_of_more_tenants_than_a_read_has_room_for_each_is_served_as_often(opened: OpenIndex, size: int) -> None:
    # The first five, whose timers had waited longest, were served until nothing was left of them, however long the last one waited.
    changes = [change for tenant in range(12) for number in range(8) for change in plan(f"{number}", NOON, f"t{tenant:02}", size=size)]
    index = await built(opened, *changes, *plan("only one", NOON + SECOND, "small"))
    served = Counter[str]()
    for first in range(2 * 13):
        due = await index.due(at(10), now=NOON + SECOND, limit=5, first=first)
        assert len(due.timers) == 5
        served.update({timer.key.tenant_id for timer in due.timers})
    assert (len(served), set(served.values())) == (13, {2 * 5})


@pytest.mark.parametrize("first", [0, 4, 11])
async def test_pages_pass_by_what_was_read_before_of_each_tenant(opened: OpenIndex, first: int) -> None:
    changes = [change for tenant in range(7) for number in range(tenant + 1) for change in plan(f"{number}", NOON, f"t{tenant}")]
    index = await built(opened, *changes)
    pages = [(await index.due(at(10), now=NOON, limit=4, page=page, first=first)).timers for page in range(13)]
    keys = [timer.key for timers in pages for timer in timers]
    assert len(keys) == len(set(keys)) == 28
    assert [key.tenant_id for key in keys[:7]] == [f"t{(first + number) % 7}" for number in range(7)]


async def test_the_limit_holds_whatever_the_shares(opened: OpenIndex) -> None:
    tenants = [change for tenant in range(7) for number in range(3) for change in plan(f"{number}", NOON, f"t{tenant}")]
    index = await built(opened, *tenants)
    for limit in (1, 2, 6, 7, 8, 20, 21, 22):
        assert len((await everything_due(index, at(10))).timers[:limit]) == len((await index.due(at(10), now=NOON, limit=limit)).timers)


async def test_pages_pass_by_what_was_read_before(opened: OpenIndex) -> None:
    index = await built(opened, *(change for number in range(25) for change in plan(f"p{number:02}", NOON)))
    pages = [names(await index.due(at(10), now=NOON, limit=10, page=page)) for page in range(4)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [name for page in pages for name in page] == [f"p{number:02}" for number in range(25)]


async def test_a_read_ends_with_its_bytes(opened: OpenIndex) -> None:
    index = await built(opened, *(change for number in range(5) for change in plan(f"p{number}", NOON, size=400_000)))
    assert names(await everything_due(index, at(10))) == ["p0", "p1", "p2"]


@pytest.mark.parametrize("elsewhere", [at(9), at(11), at(10, OTHER)])
async def test_who_stands_elsewhere_reads_and_writes_nothing(opened: OpenIndex, elsewhere: Position) -> None:
    index = await built(opened, *plan("a", NOON))
    with pytest.raises(IndexMovedError):
        await everything_due(index, elsewhere)
    with pytest.raises(IndexMovedError):
        await index.read(elsewhere, [key("a")])
    with pytest.raises(IndexMovedError):
        await index.apply(elsewhere, [gone("a"), *plan("b", NOON)], at(20))
    assert names(await everything_due(index, at(10))) == ["a"]


@pytest.mark.parametrize("parts", [1, 2])
async def test_an_apply_that_was_cut_short_belongs_to_nobody_and_is_resumed_from_what_is_found(opened: OpenIndex, parts: int) -> None:
    index = await built(opened, *plan("gone", NOON))
    changes = [gone("gone"), gone("gone", kind=StateKind.DEFINITION)]
    changes += [change for number in range(1250) for change in plan(f"p{number:04}", NOON + number * SECOND)]
    with pytest.raises(UnavailableError):
        await opened.client(parts_left=parts).apply(at(10), changes, at(20))
    found = await index.found()
    assert found is not None
    assert (found.marker, found.part, found.appended_at, found.inputs) == (at(10).marker, parts, at(10).appended_at, at(10).inputs)
    for stale in (at(10), at(20)):
        with pytest.raises(IndexMovedError):
            await everything_due(index, stale)
        with pytest.raises(IndexMovedError):
            await index.apply(stale, [], at(21))
    more = [*changes, *plan("later", NOON - SECOND)]
    assert await index.apply(found, more, at(30)) == NOON - SECOND
    assert names(await index.due(at(30), now=NOON + SECOND, limit=500)) == ["later", "p0000", "p0001"]


async def test_changes_of_one_record_hold_in_their_order_across_parts(opened: OpenIndex) -> None:
    filling = [Change(key(f"f{number}", kind=StateKind.RECEIPT), b"x") for number in range(1500)]
    index = await built(opened)
    await index.apply(at(10), [*plan("a", NOON), *filling, *plan("a", NOON + SECOND)], at(11))
    assert (await everything_due(index, at(11))).head == NOON + SECOND


async def test_building_anew_replaces_everything_that_stood_there(opened: OpenIndex) -> None:
    index = await built(opened, *plan("old", NOON), *plan("old", NOON, "beta"), Change(key("r", kind=StateKind.RUN), b"r", NOON))
    assert await index.build(await index.found(), plan("new", NOON + SECOND), at(20, OTHER)) == NOON + SECOND
    assert names(await everything_due(index, at(20, OTHER))) == ["new"]
    assert await index.read(at(20, OTHER), [key("old"), key("r", kind=StateKind.RUN)]) == {}


async def test_a_building_that_was_cut_short_is_no_place_to_go_on_from_and_is_built_anew(opened: OpenIndex) -> None:
    changes = [change for number in range(1250) for change in plan(f"p{number:04}", NOON)]
    index = await built(opened, *plan("old", NOON))
    with pytest.raises(UnavailableError):
        await opened.client(parts_left=2).build(await index.found(), changes, at(20))
    found = await index.found()
    assert found is not None
    assert found.offset_of("1a1a1a1a") is None
    with pytest.raises(IndexMovedError):
        await everything_due(index, at(20))
    await index.build(found, plan("new", NOON), at(30))
    assert names(await everything_due(index, at(30))) == ["new"]


async def test_a_zombie_writes_nothing_once_a_successor_builds(opened: OpenIndex) -> None:
    zombie = await built(opened, *plan("a", NOON))
    successor = opened.client()
    await successor.build(await successor.found(), plan("a", NOON + SECOND), at(20))
    with pytest.raises(IndexMovedError):
        await zombie.apply(at(10), [gone("a"), gone("a", kind=StateKind.DEFINITION)], at(11))
    with pytest.raises(IndexMovedError):
        await everything_due(zombie, at(10))
    assert names(await everything_due(successor, at(20))) == ["a"]


async def test_a_zombie_that_wants_to_build_from_what_it_found_before_builds_nothing(opened: OpenIndex) -> None:
    zombie = await built(opened, *plan("a", NOON))
    seen = await zombie.found()
    successor = opened.client()
    await successor.apply(at(10), plan("b", NOON), at(20))
    for stale in (seen, None):
        with pytest.raises(IndexMovedError):
            await zombie.build(stale, [], at(15))
    assert names(await everything_due(successor, at(20))) == ["a", "b"]


async def test_a_zombie_that_was_building_writes_nothing_into_its_successors_building(opened: OpenIndex) -> None:
    index = await built(opened)
    with pytest.raises(UnavailableError):
        await opened.client(parts_left=1).build(await index.found(), plan("z", NOON), at(20))
    abandoned = await index.found()
    assert abandoned is not None
    await index.build(abandoned, plan("s", NOON), at(30))
    with pytest.raises(IndexMovedError):
        await opened.client().apply(abandoned, plan("z", NOON), at(20))
    assert names(await everything_due(index, at(30))) == ["s"]


@pytest.mark.parametrize("kind", [StateKind.CURSOR, StateKind.DEFINITION, StateKind.RECEIPT])
async def test_a_record_that_is_lost_is_noticed_before_anything_is_read_or_written(opened: OpenIndex, kind: StateKind) -> None:
    index = await built(opened, *plan("a", NOON), *plan("b", NOON), Change(key("a", kind=StateKind.RECEIPT), b"r", NOON + SECOND))
    await opened.lose_record(key("a", kind=kind))
    await refuses_as_damaged(index)


async def test_heads_that_are_lost_are_noticed_though_nothing_is_due_without_them(opened: OpenIndex) -> None:
    index = await built(opened, *plan("a", NOON))
    await opened.lose_heads()
    await refuses_as_damaged(index)


async def refuses_as_damaged(index: Index) -> None:
    found = await index.found()
    assert found is not None
    with pytest.raises(IndexDamagedError):
        await index.due(at(10), now=NOON, limit=500)
    with pytest.raises(IndexDamagedError):
        await index.read(at(10), [key("b")])
    with pytest.raises(IndexDamagedError):
        await index.open_runs(at(10), [key("b")], limit=10)
    with pytest.raises(IndexDamagedError):
        await index.scan(at(10), start=0, lacking=["x"])
    for start in (at(10), found):
        with pytest.raises(IndexDamagedError):
            await index.apply(start, plan("c", NOON), at(20))
    assert await index.found() == found
    await index.build(found, plan("d", NOON), at(30))
    assert names(await everything_due(index, at(30))) == ["d"]


async def test_what_is_lost_between_two_parts_of_an_apply_is_noticed_by_the_next(opened: OpenIndex) -> None:
    await built(opened, *plan("a", NOON))
    many = [change for number in range(1250) for change in plan(f"p{number:04}", NOON)]
    with pytest.raises(UnavailableError):
        await opened.client(parts_left=1).apply(at(10), many, at(20))
    await opened.lose_record(key("a"))
    index = opened.client()
    found = await index.found()
    assert found is not None
    with pytest.raises(IndexDamagedError):
        await index.apply(found, plan("b", NOON), at(30))


async def test_a_tenants_timers_that_are_lost_are_noticed_when_they_are_due(opened: OpenIndex) -> None:
    index = await built(opened, *plan("a", NOON), *plan("b", NOON, "beta"))
    await opened.lose_timers("acme")
    with pytest.raises(IndexDamagedError):
        await index.due(at(10), now=NOON, limit=500)


async def test_an_index_that_was_flushed_is_built_from_nothing(opened: OpenIndex) -> None:
    index = await built(opened, *plan("a", NOON))
    await opened.lose_everything()
    assert await index.found() is None
    with pytest.raises(IndexMovedError):
        await index.apply(at(10), plan("b", NOON), at(11))
    assert await index.found() is None
    await index.build(None, plan("c", NOON), at(12))
    assert names(await everything_due(index, at(12))) == ["c"]


def run(name: str, of: str, *, is_open: bool = True, tenant: str = "acme") -> Change:
    """A run of a plan as its owner writes it, with what a worker said that looks like the record itself."""
    record = a_run(run_id=name, plan_id=of, tenant_id=tenant, open=is_open, progress={"plan_id": "z", "open": not is_open})
    return changelog.put(tenant, record)._replace(wake_at=NOON)


async def open_runs(index: Index, position: Position, *plans: str, limit: int = 10) -> list[list[str]]:
    wanted = [key(name) for name in plans]
    found = await index.open_runs(position, wanted, limit=limit)
    return [list(found[name]) for name in wanted]


async def test_open_runs_that_redis_has_lost_are_noticed(redis_url: str) -> None:
    async with redis_client(redis_url) as redis:
        opened = OpenRedis(redis, ShardKeys(f"t{SystemIds().uuid()[:12]}", 3))
        index = await built(opened, *plan("a", NOON), run("r1", "a"))
        assert await redis.delete(opened.keys.open_runs) == 1
        with pytest.raises(IndexDamagedError):
            await index.due(at(10), now=NOON, limit=500)


async def test_the_open_runs_of_a_plan_are_found_until_they_close_or_end(opened: OpenIndex) -> None:
    index = await built(
        opened, run("r1", "a"), run("r2", "a"), run("r3", "b"), run("r4", "a", tenant="beta"), run("r5", "a", is_open=False)
    )
    assert await open_runs(index, at(10), "a", "b", "c") == [["r1", "r2"], ["r3"], []]

    await index.apply(at(10), [run("r1", "a", is_open=False), gone("r3", kind=StateKind.RUN), run("r6", "b")], at(11))
    assert await open_runs(index, at(11), "a", "b") == [["r2"], ["r6"]]

    await index.apply(at(11), [gone("r1", kind=StateKind.RUN), gone("r2", kind=StateKind.RUN), gone("none", kind=StateKind.RUN)], at(12))
    assert await open_runs(index, at(12), "a", "b") == [[], ["r6"]]


async def test_a_run_of_a_version_that_knew_nothing_of_open_runs_is_open(opened: OpenIndex) -> None:
    index = await built(opened, run("r1", "a"), Change(key("r2", kind=StateKind.RUN), b'{"run_id":"r2","plan_id":"a"}', NOON))
    assert await open_runs(index, at(10), "a") == [["r1", "r2"]]


async def test_of_a_plan_with_many_open_runs_no_more_are_read_than_asked_for(opened: OpenIndex) -> None:
    index = await built(opened, *(run(f"r{number}", "a") for number in range(30)))
    ((*some,),) = await open_runs(index, at(10), "a", limit=20)
    assert len(set(some)) == 20


async def test_a_look_for_open_runs_ends_where_the_plans_before_have_enough_of_them(opened: OpenIndex) -> None:
    # A tenant that changed a thousand plans, each with hundreds of open runs, to cancel_previous made one tick read them all.
    hundreds = [run(f"{plan}{number}", plan) for plan in ("a", "b", "c", "d") for number in range(OPEN_RUNS_ENOUGH // 2 - 100)]
    index = await built(opened, *hundreds, run("e1", "e"))
    found = await index.open_runs(at(10), [key(name) for name in ("e", "d", "x", "a", "c", "b")], limit=OPEN_RUNS_ENOUGH)
    assert [(plan.id, len(runs)) for plan, runs in found.items()] == [("e", 1), ("d", 1400), ("x", 0), ("a", 1400), ("c", 1400)]


async def test_a_new_building_forgets_the_open_runs_of_the_old_one(opened: OpenIndex) -> None:
    index = await built(opened, run("r1", "a"))
    await index.build(await index.found(), [run("r2", "a")], at(20))
    assert await open_runs(index, at(20), "a") == [["r2"]]


async def scanned(index: Index, position: Position, *lacking: str) -> list[str]:
    """Every plan that a whole scan finds; one that it finds twice is named twice."""
    found, start = [], 0
    while True:
        page = await index.scan(position, start=start, lacking=lacking or ("nothing has this",))
        assert all(timer.definition == b"d" for timer in page.cursors)
        found += [timer.key.id for timer in page.cursors]
        if not page.following:
            return found
        start = page.following


async def test_a_scan_finds_every_plan_whose_cursor_lacks_the_text_due_or_not(opened: OpenIndex) -> None:
    plans = [f"p{number:04}" for number in range(1500)]
    index = await built(opened, *(change for number, name in enumerate(plans) for change in plan(name, NOON if number % 2 else None)))
    assert set(await scanned(index, at(10))) == set(plans)
    assert set(await scanned(index, at(10), "cursor p01")) == {name for name in plans if not name.startswith("p01")}
    assert set(await scanned(index, at(10), "cursor p", "cursor p01")) == {name for name in plans if not name.startswith("p01")}


async def test_a_scan_of_an_index_without_plans_is_over_at_once(opened: OpenIndex) -> None:
    assert await scanned(await built(opened), at(10)) == []


async def test_neither_open_runs_nor_plans_are_read_from_an_index_that_stands_elsewhere(opened: OpenIndex) -> None:
    index = await built(opened, run("r1", "a"), *plan("a", NOON))
    with pytest.raises(IndexMovedError):
        await index.open_runs(at(9), [key("a")], limit=10)
    with pytest.raises(IndexMovedError):
        await index.scan(at(9), start=0, lacking=["x"])


async def test_thousands_of_tenants_in_one_apply_are_all_due(opened: OpenIndex) -> None:
    changes = [change for number in range(1100) for change in plan("p", NOON, f"t{number:04}")]
    index = await built(opened, *changes)
    assert len((await index.due(at(10), now=NOON, limit=500)).timers) == 500
    assert await index.apply(at(10), [gone("p", f"t{number:04}") for number in range(1100)], at(11)) is None
