"""What a record on the command or report topic says."""

import json
from typing import Any

import pytest

from planner.domain.command import (
    Ask,
    CalendarCommand,
    Cancel,
    Command,
    Create,
    DeleteCalendar,
    Pause,
    PutCalendar,
    Resume,
    Unsupported,
    Update,
)
from planner.domain.resume import ResumeBacklog
from planner.owner.inbox import CalendarCopy, Invalid, Misrouted, Report, Unreadable, contained, read_command, read_report
from planner_contracts.ids import calendar_id, run_id
from planner_contracts.partitioning import partition_for
from planner_contracts.plan_command import COMMANDS, CommandType
from planner_contracts.run_report import ERROR_MESSAGE_BYTES_MAX, PROGRESS_BYTES_MAX, RESULT_BYTES_MAX, WORKER_CHARACTERS_MAX
from support.incoming import (
    REPORTS_TOPIC,
    a_cancel,
    a_create,
    a_report,
    an_update,
    command_data,
    event,
    incoming,
    plan_made_by,
    report_data,
)
from support.plans import NOON, ONCE, ORGANIZATION, TENANT, command_id

SUPPORTED = {
    CommandType.CREATE,
    CommandType.UPDATE,
    CommandType.CANCEL,
    CommandType.PAUSE,
    CommandType.RESUME,
    CommandType.CALENDAR_PUT,
    CommandType.CALENDAR_DELETE,
}
PLAN = "00000000-0000-4000-8000-000000000001"
RUN = run_id(PLAN, "schedule", NOON, 1)
Read = Command | CalendarCommand | CalendarCopy | Invalid | Misrouted | Unreadable


def read(value: object, headers: list[tuple[str, bytes]] | None = None) -> Read:
    return read_command(incoming(value, headers=headers), partition=0, partitions=1)


def command(given: Read) -> Command:
    assert isinstance(given, Command), given
    return given


def invalid(given: Read) -> Invalid:
    assert isinstance(given, Invalid), given
    return given


def said(**report: Any) -> Report:  # noqa: ANN401 any field of a report
    found = read_report(a_report(RUN, PLAN, **{"state": "executing"} | report), partition=0, partitions=1)
    assert isinstance(found, Report), found
    return found


def test_a_structured_event_is_a_command() -> None:
    found = command(read_command(a_create(ONCE, key="k"), partition=0, partitions=1))
    assert found.ask == Create(ONCE)
    assert (found.header.command_id, found.header.tenant_id, found.header.organization_id) == (command_id("c1"), TENANT, ORGANIZATION)
    assert (found.header.idempotency_key, found.header.plan_id, found.header.actor) == ("k", plan_made_by("c1", key="k"), "key:1")


def test_the_plan_of_a_create_without_a_key_follows_from_its_command_id() -> None:
    assert command(read_command(a_create(ONCE), partition=0, partitions=1)).header.plan_id == plan_made_by("c1")


def test_a_binary_event_is_the_same_command() -> None:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": "e1",
        "ce_source": "/s",
        "ce_type": "planner.plan.create",
        "content-type": "application/json",
    }
    binary = read(command_data(plan=ONCE), [(name, text.encode()) for name, text in headers.items()])
    assert binary == read(event("plan.create", command_data(plan=ONCE)))


def test_a_header_of_an_event_may_be_null() -> None:
    # Reading a record with one raised, and its shard took the record again and again: Kafka allows null headers, aiokafka's types do not.
    null: Any = [("ce_specversion", None), ("ce_id", None)]
    assert read(event("plan.create", command_data(plan=ONCE)), null) == read(event("plan.create", command_data(plan=ONCE)))


def test_a_record_without_any_header_is_the_same_command() -> None:
    assert read(event("plan.create", command_data(plan=ONCE)), []) == read(event("plan.create", command_data(plan=ONCE)))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "NOT_AN_EVENT"),
        (b"", "NOT_AN_EVENT"),
        (b"\xff\xfe", "NOT_AN_EVENT"),
        (b'{"specversion": "1.0", "specversion": "1.0"}', "NOT_AN_EVENT"),
        (b"[" * 100_000, "NOT_AN_EVENT"),
        ([], "NOT_AN_EVENT"),
        ({"data": {}}, "NOT_AN_EVENT"),
        (event("plan.create", []), "NOT_AN_EVENT"),
        (event("plan.create", {}, specversion="0.3"), "NOT_AN_EVENT"),
        (event("plan.create", {}, id=7), "NOT_AN_EVENT"),
        (b'{"specversion":"1.0","id":"a","source":"s","type":"planner.plan.create","data":{"command_id":NaN}}', "NOT_AN_EVENT"),
        (event("plan.explode", command_data()), "UNKNOWN_TYPE"),
        (event("run.report", command_data()), "UNKNOWN_TYPE"),
        (event("plan.create", {"plan": ONCE}), "NO_COMMAND_ID"),
        (event("plan.create", command_data(command_id=7)), "NO_COMMAND_ID"),
        (event("plan.create", command_data(command_id="A0000000-0000-4000-8000-000000000001")), "NO_COMMAND_ID"),
    ],
)
def test_what_cannot_be_answered_is_unreadable(value: object, reason: str) -> None:
    found = read(value)
    assert isinstance(found, Unreadable), found
    assert found.reason == reason
    assert len(found.detail) < 500


def test_a_command_whose_form_is_wrong_is_answered_with_every_fault() -> None:
    found = invalid(read(event("plan.update", command_data(plan_id=PLAN, patch=[], color="red", actor=""))))
    assert (found.command_id, found.plan_id, found.tenant_id, found.code) == (command_id("c1"), PLAN, TENANT, "VALIDATION_FAILED")
    assert {(fault.pointer, fault.code) for fault in found.faults} == {
        ("/patch", "FIELD_BAD_TYPE"),
        ("/color", "UNKNOWN_FIELD"),
        ("/actor", "FIELD_INVALID"),
    }


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (command_data(), ("/plan", "FIELD_REQUIRED")),
        (command_data(plan="soon"), ("/plan", "FIELD_BAD_TYPE")),
        (command_data(plan=ONCE, tenant_id="a/b"), ("/tenant_id", "FIELD_INVALID")),
        (command_data(plan=ONCE, organization_id=None), ("/organization_id", "FIELD_BAD_TYPE")),
        (command_data(plan=ONCE, expected_revision=0), ("/expected_revision", "FIELD_INVALID")),
        (command_data(plan=ONCE, expected_revision=True), ("/expected_revision", "FIELD_BAD_TYPE")),
        (command_data(plan=ONCE, idempotency_key="ü"), ("/idempotency_key", "FIELD_INVALID")),
        (command_data(plan=ONCE, issued_at="yesterday"), ("/issued_at", "FIELD_INVALID")),
        (command_data(plan=ONCE, actor="a\x00b"), ("/actor", "FIELD_INVALID")),
    ],
)
def test_each_field_of_the_frame_is_judged(data: dict[str, Any], fault: tuple[str, str]) -> None:
    found = invalid(read(event("plan.create", data)))
    assert [(item.pointer, item.code) for item in found.faults] == [fault]


def test_a_fault_never_carries_text_that_cannot_be_stored() -> None:
    found = invalid(read(event("plan.create", command_data(plan=ONCE) | {"a\x00b": 1})))
    assert [(fault.pointer, fault.code) for fault in found.faults] == [("/a\ufffdb", "UNKNOWN_FIELD")]


def test_a_definition_is_left_to_the_domain_whatever_it_holds() -> None:
    found = command(read(event("plan.create", command_data(plan={"color": 1}))))
    assert found.ask == Create({"color": 1})


def test_an_envelope_of_another_tenant_is_a_mismatch() -> None:
    found = invalid(read(event("plan.create", command_data(plan=ONCE), tenantid="other")))
    assert (found.code, found.tenant_id, found.faults) == ("TENANT_MISMATCH", TENANT, ())
    assert command(read(event("plan.create", command_data(plan=ONCE), tenantid=TENANT))).header.tenant_id == TENANT


def test_the_fingerprint_counts_everything_but_the_moment_of_issue() -> None:
    first, later, other = (
        command(read(event("plan.create", command_data(plan=ONCE, **content)))).header.fingerprint
        for content in ({}, {"issued_at": "2026-03-01T12:00:00Z"}, {"actor": "key:2"})
    )
    assert first == later != other


def test_the_order_of_members_is_no_other_content() -> None:
    data = command_data(plan=ONCE)
    turned = dict(reversed(data.items()))
    assert read(event("plan.create", data)) == read(event("plan.create", turned))


def test_each_command_asks_for_what_it_names() -> None:
    assert command(read_command(an_update(PLAN, {"name": "b"}, "c1"), partition=0, partitions=1)).ask == Update({"name": "b"})
    assert command(read_command(a_cancel(PLAN, "c1"), partition=0, partitions=1)).ask == Cancel()


@pytest.mark.parametrize(
    ("kind", "content", "ask"),
    [
        ("plan.pause", {}, Pause(None)),
        ("plan.pause", {"reason": "a fair"}, Pause("a fair")),
        ("plan.resume", {}, Resume(ResumeBacklog.SKIP)),
        ("plan.resume", {"backlog": "latest"}, Resume(ResumeBacklog.LATEST)),
    ],
)
def test_pause_and_resume_say_why_and_what_becomes_of_the_backlog(kind: str, content: dict[str, Any], ask: Ask) -> None:
    assert command(read(event(kind, command_data(plan_id=PLAN, **content)))).ask == ask


@pytest.mark.parametrize("kind", sorted(COMMANDS.keys() - SUPPORTED))
def test_a_command_of_a_later_version_is_answered_as_unsupported(kind: CommandType) -> None:
    content: dict[CommandType, dict[str, Any]] = {
        CommandType.BACKFILL: {"plan_id": PLAN, "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"},
        CommandType.RESTORE: {"plan_id": PLAN, "revision": 1},
        CommandType.TENANT_PUT: {},
    }
    found = command(read(event(kind.removeprefix("planner."), command_data(**content.get(kind, {"plan_id": PLAN})))))
    assert found.ask == Unsupported(kind)


@pytest.mark.parametrize(
    ("kind", "content", "ask"),
    [
        ("calendar.put", {"dates": ["2026-12-25"]}, PutCalendar("nl", {"dates": ["2026-12-25"]})),
        ("calendar.put", {"dates": "never"}, PutCalendar("nl", {"dates": "never"})),
        ("calendar.put", {}, PutCalendar("nl", {})),
        ("calendar.delete", {}, DeleteCalendar("nl")),
    ],
)
def test_the_dates_of_a_holiday_list_are_left_to_the_domain(kind: str, content: dict[str, Any], ask: PutCalendar | DeleteCalendar) -> None:
    found = read(event(kind, command_data(name="nl", **content)))
    assert isinstance(found, CalendarCommand)
    assert found.ask == ask
    assert found.header.plan_id == calendar_id(TENANT, "nl")


@pytest.mark.parametrize("name", ["", "a/b", "é", "x" * 101, 5])
def test_what_is_no_name_of_a_holiday_list_is_refused(name: object) -> None:
    assert [fault.pointer for fault in invalid(read(event("calendar.delete", command_data(name=name)))).faults] == ["/name"]


def test_a_holiday_list_has_one_partition_that_takes_in_its_commands() -> None:
    right = partition_for(calendar_id(TENANT, "nl").encode(), 8)
    record = incoming(event("calendar.delete", command_data(name="nl")))
    found = [read_command(record, partition=partition, partitions=8) for partition in range(8)]
    assert [isinstance(content, CalendarCommand) for content in found] == [partition == right for partition in range(8)]
    assert {content for content in found if isinstance(content, Misrouted)} == {Misrouted(calendar_id(TENANT, "nl"), right)}


def test_a_copy_that_says_too_little_is_a_dead_letter() -> None:
    assert read(event("calendar.copied", {"name": "nl"})) == Unreadable("COPY_INVALID", "/command_id: a value is required")


A_COPY: dict[str, Any] = command_data(
    "p1", name="nl", dates=["2026-12-25"], version=1, created=True, at="2026-03-01T12:00:00Z", deleted=False, origin=1
)


@pytest.mark.parametrize("wrong", [{"tenant_id": "a/b"}, {"name": ""}, {"name": "a/b"}, {"actor": "\x00"}])
def test_a_copy_may_say_nothing_that_no_command_may(wrong: dict[str, Any]) -> None:
    assert isinstance(read(event("calendar.copied", A_COPY)), CalendarCopy)
    unreadable = read(event("calendar.copied", A_COPY | wrong))
    assert isinstance(unreadable, Unreadable)
    assert (unreadable.reason, unreadable.detail.split(":")[0]) == ("COPY_INVALID", f"/{next(iter(wrong))}")


def test_a_copy_has_its_dates_as_the_calendar_writes_them() -> None:
    copy = read(event("calendar.copied", A_COPY | {"dates": ["2026-12-25T00:00:00"]}))
    assert isinstance(copy, CalendarCopy)
    assert copy.state.dates == ("2026-12-25",)


def test_a_command_in_the_wrong_partition_is_misrouted() -> None:
    right = partition_for(PLAN.encode(), 4)
    record = a_cancel(PLAN, "c1")
    for partition in range(4):
        found = read_command(record, partition=partition, partitions=4)
        assert isinstance(found, Command) if partition == right else found == Misrouted(PLAN, right)


def test_a_faulty_command_is_routed_by_its_plan_where_it_names_one() -> None:
    right = partition_for(PLAN.encode(), 4)
    record = incoming(event("plan.update", command_data(plan_id=PLAN, patch=7)))
    assert read_command(record, partition=(right + 1) % 4, partitions=4) == Misrouted(PLAN, right)
    unnamed = incoming(event("plan.update", command_data(plan_id="?", patch={})))
    assert isinstance(read_command(unnamed, partition=3, partitions=4), Invalid)


def test_a_report_is_read_with_the_tenant_of_its_envelope() -> None:
    found = said(state="completed", result={"url": "x"})
    assert (found.tenant_id, found.said.run_id, found.said.state, found.said.result) == (TENANT, RUN, "completed", {"url": "x"})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"no", "NOT_AN_EVENT"),
        (event("plan.create", {}), "UNKNOWN_TYPE"),
        (event("run.report", report_data(RUN, PLAN, "exploded"), tenantid=TENANT), "REPORT_INVALID"),
        (event("run.report", report_data(RUN, PLAN, "failed", error={"message": "no code"}), tenantid=TENANT), "REPORT_INVALID"),
    ],
)
def test_an_unparseable_report_is_unreadable(value: object, reason: str) -> None:
    found = read_report(incoming(value, topic=REPORTS_TOPIC), partition=0, partitions=1)
    assert isinstance(found, Unreadable), found
    assert found.reason == reason


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (event("run.report", report_data(RUN, PLAN, "failed")), "the envelope has no tenantid"),
        (event("run.report", report_data("?", PLAN, "failed"), tenantid=TENANT), "data.run_id is not a lowercase UUID"),
        (event("run.report", report_data(RUN, "?", "failed"), tenantid=TENANT), "data.plan_id is not a lowercase UUID"),
    ],
)
def test_an_unreadable_report_says_which_id_is_wrong(value: object, detail: str) -> None:
    found = read_report(incoming(value, topic=REPORTS_TOPIC), partition=0, partitions=1)
    assert found == Unreadable("REPORT_INVALID", detail)


def test_a_report_in_the_wrong_partition_is_misrouted() -> None:
    right = partition_for(PLAN.encode(), 4)
    assert read_report(a_report(RUN, PLAN, "failed"), partition=(right + 1) % 4, partitions=4) == Misrouted(PLAN, right)


def test_texts_that_are_too_long_are_cut_at_their_limits() -> None:
    found = said(state="failed", worker="w" * 1000, error={"code": "E", "message": "é" * 3000}).said
    assert found.worker == "w" * WORKER_CHARACTERS_MAX
    assert found.error is not None
    assert found.error.message == "é" * (ERROR_MESSAGE_BYTES_MAX // 2)


@pytest.mark.parametrize(("name", "limit"), [("progress", PROGRESS_BYTES_MAX), ("result", RESULT_BYTES_MAX)])
@pytest.mark.parametrize("filling", ["x", "é", '"', "\n", "\\"])
def test_json_that_is_too_long_is_cut_to_a_text_within_its_limit(name: str, limit: int, filling: str) -> None:
    found = getattr(said(**{name: {"a": filling * limit}}).said, name)
    assert isinstance(found, str)
    assert found.startswith('{"a": "')
    assert limit - 16 <= len(json.dumps(found, ensure_ascii=False).encode()) <= limit


@pytest.mark.parametrize(("name", "limit"), [("progress", PROGRESS_BYTES_MAX), ("result", RESULT_BYTES_MAX)])
def test_json_of_exactly_its_limit_stays_whole(name: str, limit: int) -> None:
    whole = {"a": "x" * (limit - len('{"a": ""}'))}
    assert getattr(said(**{name: whole}).said, name) == whole


def test_what_no_database_can_hold_becomes_the_replacement_character() -> None:
    found = said(worker="w\x00", progress={"a\x00": ["b\x00", 1, None]}).said
    assert (found.worker, found.progress) == ("w\ufffd", {"a\ufffd": ["b\ufffd", 1, None]})


def test_a_lone_surrogate_in_a_report_becomes_the_replacement_character() -> None:
    text = json.dumps(event("run.report", report_data(RUN, PLAN, "executing", progress="a!b"), tenantid=TENANT)).replace("a!b", "a\\ud800b")
    found = read_report(incoming(text.encode(), topic=REPORTS_TOPIC), partition=0, partitions=1)
    assert isinstance(found, Report), found
    assert found.said.progress == "a\ufffdb"


def test_a_record_that_reading_fails_on_is_a_dead_letter_of_its_own() -> None:
    def broken() -> Unreadable:
        raise RecursionError("deep")

    assert contained(broken) == Unreadable("READING_FAILED", "RecursionError")
    assert contained(lambda: 7) == 7
