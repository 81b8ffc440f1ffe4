"""What a definition becomes: the document, its fingerprint, patches and differences."""

from typing import Any

import pytest

from planner.domain.definition import changes, define, fingerprint, load, merge_patch
from support.schedules import a_definition, codes_of, fires, instant

NOW = instant("2026-03-01T10:00:30.25Z")
CRON = {"type": "cron", "expression": "0 9 * * 1-5"}


def document(**fields: object) -> dict[str, Any]:
    return define(a_definition(**fields), now=NOW).document


def patched(stored: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    return define(merge_patch(stored, patch), now=NOW).document


class TestTheDocument:
    """Every field a caller may give, defaults filled in, dates as given."""

    def test_has_the_defaults_of_the_api(self) -> None:
        assert document(execute_at="2026-03-02T09:00:00+01:00") == {
            "name": None,
            "labels": {},
            "action": "content.publish",
            "payload": {},
            "ordering_key": None,
            "execute_at": "2026-03-02T09:00:00+01:00",
            "recurrence": None,
            "timezone": "UTC",
            "starts_at": None,
            "ends_at": None,
            "max_runs": None,
            "dst": None,
            "jitter_seconds": 0,
            "misfire": {"max_lateness_seconds": 3600, "coalesce": "latest", "max_catchup": 100},
            "overlap": {"policy": "allow"},
            "retry": {"max_attempts": 1, "initial_seconds": 10, "multiplier": 2, "max_seconds": 3600, "retry_on": ["failure", "timeout"]},
            "run_timeout_seconds": None,
            "heartbeat_timeout_seconds": None,
            "pause_after_failures": None,
            "active": True,
        }

    def test_takes_null_as_absent(self) -> None:
        nulls = dict.fromkeys(document(recurrence=CRON))

        assert document(**(nulls | {"action": "a", "recurrence": CRON})) == document(action="a", recurrence=CRON)

    def test_fills_in_the_members_of_policies(self) -> None:
        assert document(misfire={"coalesce": "none"})["misfire"] == {"max_lateness_seconds": 3600, "coalesce": "none", "max_catchup": 100}
        assert document(misfire={"max_lateness_seconds": None})["misfire"]["max_lateness_seconds"] is None
        assert document(misfire={"max_catchup": None})["misfire"]["max_catchup"] == 100
        assert document(retry={"max_seconds": 60})["retry"]["max_seconds"] == 60
        assert document(overlap="allow")["overlap"] == {"policy": "allow"}
        assert document(overlap={})["overlap"] == {"policy": "allow"}

    def test_keeps_dst_as_given_without_nulls(self) -> None:
        assert document(recurrence=CRON, dst={"gap": "shift", "fold": None})["dst"] == {"gap": "shift"}

    def test_does_not_keep_the_organization(self) -> None:
        assert "organization_id" not in document(organization_id="acme-eu")

    def test_gets_an_anchor_from_the_clock_once_in_whole_seconds(self) -> None:
        defined = define(a_definition(recurrence={"type": "interval", "every": "PT1M", "anchor": None}), now=NOW)

        assert defined.document["recurrence"] == {"type": "interval", "every": "PT1M", "anchor": "2026-03-01T10:00:30Z"}
        assert fires(load(defined.document).schedule, "2026-03-01T10:00:30Z", limit=1) == ["2026-03-01T10:01:30Z"]

    def test_takes_starts_at_for_an_anchor_without_writing_it_down(self) -> None:
        defined = define(a_definition(starts_at="2026-03-01T10:00:10Z"), now=NOW)

        assert "anchor" not in defined.document["recurrence"]
        assert fires(defined.schedule, "2026-03-01T10:00:30Z", limit=1) == ["2026-03-01T10:01:10Z"]

    def test_leaves_what_was_given_alone(self) -> None:
        given = a_definition(misfire={"coalesce": "none"})

        define(given, now=NOW)

        assert given == a_definition(misfire={"coalesce": "none"})

    @pytest.mark.parametrize(
        "fields",
        [
            {"execute_at": "2026-03-02T09:00:00+01:00"},
            {"execute_at": "2026-03-29T02:30:00", "timezone": "Europe/Amsterdam", "dst": {"gap": "shift"}},
            {"recurrence": CRON, "timezone": "Europe/Amsterdam", "max_runs": 3, "jitter_seconds": 5},
            {"recurrence": {"type": "interval", "every": "P1D"}, "ends_at": "2027-01-01T00:00:00Z"},
            {"misfire": {"max_lateness_seconds": None}},
        ],
    )
    def test_loads_as_it_was_defined(self, fields: dict[str, Any]) -> None:
        defined = define(a_definition(**fields), now=NOW)

        assert load(defined.document) == defined
        assert define(defined.document, now=NOW).schedule == defined.schedule if "+01:00" not in str(fields) else True

    def test_of_a_stored_label_loads_though_the_zone_has_changed_since(self) -> None:
        # As if a later zone database had moved the change over a label that was accepted: it is resolved, not refused.
        stored = document(execute_at="2026-03-29T03:30:00", timezone="Europe/Amsterdam") | {"execute_at": "2026-03-29T02:30:00"}

        assert fires(load(stored).schedule, None) == ["2026-03-29T01:00:00Z"]


class TestAPatch:
    """RFC 7396, and the rules of scheduling.md for `recurrence` and `anchor`."""

    def test_leaves_what_it_does_not_name(self) -> None:
        stored = document(recurrence=CRON, payload={"a": 1, "b": {"c": 2}})

        assert patched(stored, {"payload": {"b": {"d": 3}}}) == stored | {"payload": {"a": 1, "b": {"c": 2, "d": 3}}}
        assert merge_patch(stored, {}) == stored

    def test_removes_by_null(self) -> None:
        stored = document(recurrence=CRON, payload={"a": 1, "max_lateness_seconds": 2}, name="n", misfire={"coalesce": "none"})

        assert patched(stored, {"payload": {"max_lateness_seconds": None}, "name": None, "misfire": None}) == stored | {
            "payload": {"a": 1},
            "name": None,
            "misfire": {"max_lateness_seconds": 3600, "coalesce": "latest", "max_catchup": 100},
        }

    def test_turns_a_one_shot_into_a_recurrence(self) -> None:
        stored = document(execute_at="2026-03-02T09:00:00Z")

        assert patched(stored, {"execute_at": None, "recurrence": CRON}) == stored | {"execute_at": None, "recurrence": CRON}

    def test_without_the_null_conflicts(self) -> None:
        stored = document(execute_at="2026-03-02T09:00:00Z")

        assert codes_of(merge_patch(stored, {"recurrence": CRON})) == [("/recurrence", "FIELD_CONFLICT")]

    def test_merges_a_recurrence_of_the_same_type(self) -> None:
        stored = document(recurrence={"type": "interval", "every_seconds": 60})
        faster = patched(stored, {"recurrence": {"every_seconds": 30}})

        assert faster["recurrence"] == {"type": "interval", "every_seconds": 30, "anchor": "2026-03-01T10:00:30Z"}

    def test_replaces_a_recurrence_of_another_type(self) -> None:
        stored = document(recurrence={"type": "interval", "every_seconds": 60})

        assert patched(stored, {"recurrence": {**CRON, "anchor": None}})["recurrence"] == CRON

    def test_of_the_start_leaves_the_anchor_that_came_from_it(self) -> None:
        stored = document(starts_at="2026-03-01T10:00:10Z")

        moved = patched(stored, {"starts_at": "2026-03-01T10:05:00Z"})
        freed = patched(stored, {"starts_at": None, "recurrence": {"every_seconds": 30}})
        anew = patched(stored, {"starts_at": "2026-03-01T10:05:00Z", "recurrence": {"anchor": None}})

        assert moved["recurrence"]["anchor"] == "2026-03-01T10:00:10Z"
        assert freed["recurrence"] == {"type": "interval", "every_seconds": 30, "anchor": "2026-03-01T10:00:10Z"}
        assert "anchor" not in anew["recurrence"]

    def test_of_the_start_that_removes_the_recurrence_needs_no_anchor(self) -> None:
        stored = document(starts_at="2026-03-01T10:00:10Z")
        patch = {"starts_at": None, "recurrence": None, "execute_at": "2026-03-02T09:00:00Z"}

        assert patched(stored, patch)["recurrence"] is None

    def test_can_lift_the_limit_of_lateness(self) -> None:
        stored = document()

        assert patched(stored, {"misfire": {"max_lateness_seconds": None}})["misfire"]["max_lateness_seconds"] is None

    def test_does_not_take_a_defaulted_zone_for_a_given_one(self) -> None:
        stored = document(execute_at="2026-03-02T09:00:00+01:00")

        assert patched(stored, {"name": "n"}) == stored | {"name": "n"}
        assert patched(stored, {"timezone": "Europe/Amsterdam"})["timezone"] == "Europe/Amsterdam"
        assert codes_of(merge_patch(stored, {"timezone": "UTC"})) == [("/execute_at", "OFFSET_TZ_MISMATCH")]
        assert codes_of(merge_patch(stored, {"execute_at": "2026-03-02T09:00:00"})) == [("/timezone", "TZ_REQUIRED")]

    @pytest.mark.parametrize(
        ("patch", "overlap"),
        [
            ({"limit": 5}, {"policy": "queue_all", "limit": 5}),
            ({"policy": "queue_all"}, {"policy": "queue_all", "limit": 7}),
            ({"limit": None}, {"policy": "queue_all", "limit": 100}),
            ({"policy": "skip"}, {"policy": "skip"}),
            ({"policy": None}, {"policy": "allow"}),
            ("queue_all", {"policy": "queue_all", "limit": 100}),
            (None, {"policy": "allow"}),
        ],
    )
    def test_of_the_overlap_keeps_a_limit_with_the_policy_that_has_one(self, patch: object, overlap: dict[str, Any]) -> None:
        stored = document(overlap={"policy": "queue_all", "limit": 7})

        assert patched(stored, {"overlap": patch})["overlap"] == overlap

    @pytest.mark.parametrize(
        "patch", [{"recurrence": 5}, {"recurrence": "daily"}, {"recurrence": {"type": []}}, {"misfire": "x", "starts_at": 5}]
    )
    def test_of_the_wrong_type_is_refused_like_any_definition(self, patch: dict[str, Any]) -> None:
        assert codes_of(merge_patch(document(starts_at="2026-03-01T10:00:10Z"), patch))


class TestChanges:
    """Which fields differ, by JSON pointer."""

    def test_are_told_by_pointer_with_old_and_new(self) -> None:
        old = document(recurrence=CRON, payload={"a/b": {"c": 1}}, labels={"team": "x"})
        new = document(recurrence={**CRON, "expression": "0 10 * * *"}, payload={"a/b": {"c": 2}}, max_runs=3)

        assert [(change.path, change.old, change.new) for change in changes(old, new)] == [
            ("/labels/team", "x", None),
            ("/payload/a~1b/c", 1, 2),
            ("/recurrence/expression", "0 9 * * 1-5", "0 10 * * *"),
            ("/max_runs", None, 3),
        ]

    def test_of_another_type_of_recurrence_are_one(self) -> None:
        old, new = (
            document(recurrence=CRON),
            document(recurrence={"type": "interval", "every_seconds": 60, "anchor": "2026-01-01T00:00:00Z"}),
        )

        assert [change.path for change in changes(old, new)] == ["/recurrence"]

    def test_are_none_between_equals(self) -> None:
        assert changes(document(payload={"a": [1, {"b": None}]}), document(payload={"a": [1.0, {"b": None}]})) == []

    @pytest.mark.parametrize(
        ("old", "new"), [(1, True), ([0], [False]), ({"a": []}, {"a": {}}), ([1], [1, 2]), ([{"a": 1}], [{"b": 1}]), ("1", 1)]
    )
    def test_tell_what_json_tells_apart(self, old: object, new: object) -> None:
        assert len(changes({"payload": {"x": old}}, {"payload": {"x": new}})) == 1


class TestTheFingerprint:
    """The same for the same ask, however it is written; before a clock has had its say."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"action": "a", "name": "n"}, {"name": "n", "action": "a"}),
            ({"action": "a"}, {"action": "a", "timezone": "UTC", "dst": None, "active": True, "payload": {}}),
            ({"action": "a", "overlap": "allow"}, {"action": "a", "overlap": {"policy": "allow", "limit": None}}),
            ({"action": "a", "overlap": "queue_all"}, {"action": "a", "overlap": {"policy": "queue_all", "limit": 100}}),
            ({"action": "a", "misfire": {"max_catchup": 100}}, {"action": "a", "misfire": {"coalesce": "latest"}}),
            ({"recurrence": {"type": "interval", "anchor": None}}, {"recurrence": {"type": "interval"}}),
            ({"action": "a", "organization_id": "x"}, {"action": "a"}),
        ],
    )
    def test_is_the_same_for_the_same_ask(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        assert fingerprint(one) == fingerprint(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"action": "a"}, {"action": "b"}),
            ({"misfire": {"max_lateness_seconds": None}}, {}),
            ({"nonsense": 1}, {}),
            ({"payload": {"a": None}}, {"payload": {}}),
            ({"misfire": "x"}, {"overlap": 5, "retry": [], "recurrence": 3}),
        ],
    )
    def test_differs_where_the_ask_differs_valid_or_not(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        assert fingerprint(one) != fingerprint(other)

    def test_does_not_depend_on_when_it_was_asked(self) -> None:
        given = a_definition()
        before = fingerprint(given)

        define(given, now=NOW)

        assert fingerprint(given) == before == fingerprint(dict(given))
