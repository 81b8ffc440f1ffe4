"""The laws of `decide`, over random lives of plans: what commands become, whatever came before."""

from collections import defaultdict

from hypothesis import given

from planner.domain.plan import StateKind
from planner.owner.changelog import decode, put
from planner_contracts.plan_event import PlanEventType
from support.plans import command_id
from support.shards import Published
from support.stories import Ask, Story, stories

_REJECTED = PlanEventType.COMMAND_REJECTED


def outcomes(story: Story) -> list[tuple[Ask, Published]]:
    """Each command record with its one event, in order."""
    pairs = []
    for told in story.told:
        by_id = {command_id(ask.name) for ask in told.asks.values()}
        events = [found for found in told.ticked.published if "command_id" in found.data]
        assert {found.data["command_id"] for found in events} == by_id
        pairs += list(zip(told.asks.values(), events, strict=True))
    return pairs


def changed(story: Story) -> dict[str, list[Published]]:
    """By plan, the events of commands that were carried out: neither rejected nor repeats."""
    by_plan = defaultdict(list)
    for _, found in outcomes(story):
        if found.type != _REJECTED and not found.data["replayed"]:
            by_plan[found.data["plan_id"]].append(found)
    return by_plan


@given(stories())
def test_every_command_record_gets_one_event_and_no_decision_fails(story: Story) -> None:
    assert all(told.ticked.tick.failures == [] for told in story.told)
    assert all(found.data["command_id"] == command_id(ask.name) for ask, found in outcomes(story))
    ids = [found.record.value for _, found in outcomes(story)]
    assert len(set(ids)) == len(ids)


@given(stories())
def test_a_command_id_is_decided_once_and_its_repeats_get_the_same_outcome(story: Story) -> None:
    first: dict[str, tuple[Ask, Published]] = {}
    for ask, found in outcomes(story):
        began = first.setdefault(ask.name, (ask, found))
        if began[1] is found:
            continue
        if began[0] != ask:
            assert (found.type, found.data["code"]) == (_REJECTED, "IDEMPOTENCY_KEY_REUSED")
            continue
        assert found.type == began[1].type
        assert found.data["replayed"] is True
        told = ("plan_id", "code") if found.type == _REJECTED else ("plan_id", "revision")
        assert [found.data[name] for name in told] == [began[1].data[name] for name in told]


@given(stories())
def test_an_idempotency_key_makes_one_plan_and_a_plan_is_made_once(story: Story) -> None:
    for events in changed(story).values():
        assert [found.type for found in events].count(PlanEventType.CREATED) == 1
        assert events[0].type == PlanEventType.CREATED


@given(stories())
def test_a_revision_rises_by_one_with_every_change_and_by_nothing_else(story: Story) -> None:
    for events in changed(story).values():
        revision = 0
        for found in events:
            unchanged = found.type != PlanEventType.CREATED and found.data["changes"] == []
            revision += 0 if unchanged else 1
            assert (found.data["revision"], found.data["plan"]["revision"]) == (revision, revision)


@given(stories())
def test_a_refused_command_changes_nothing_but_what_is_remembered_of_it(story: Story) -> None:
    for told in story.told:
        events = [found for found in told.ticked.published if "command_id" in found.data]
        if events and not told.due and len(events) == len(told.ticked.published) and all(found.type == _REJECTED for found in events):
            kinds = {change.key.kind for change in told.ticked.tick.changes if change.key.kind is not StateKind.RUN}
            assert kinds <= {StateKind.RECEIPT}


@given(stories())
def test_nothing_is_carried_out_on_a_plan_that_has_ended(story: Story) -> None:
    for events in changed(story).values():
        ends = [number for number, found in enumerate(events) if found.data["plan"]["status"] in ("cancelled", "completed")]
        assert ends in ([], [len(events) - 1])


@given(stories())
def test_what_a_shard_holds_is_what_its_own_records_say(story: Story) -> None:
    for key, value in story.shard.values.items():
        restored = put(key.tenant_id, decode(key.kind, value))
        assert (restored.key, restored.value, restored.wake_at) == (key, value, story.shard.wakes.get(key))
