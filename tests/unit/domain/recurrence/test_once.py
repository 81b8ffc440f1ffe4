"""One-shots: one occurrence, whatever the range."""

from support.schedules import a_schedule, fires


def test_a_one_shot_fires_once_at_its_instant() -> None:
    schedule = a_schedule(execute_at="2025-02-01T09:00:00.25Z")

    assert fires(schedule, None) == ["2025-02-01T09:00:00.250000Z"]
    assert fires(schedule, "2025-02-01T09:00:00.249999Z") == ["2025-02-01T09:00:00.250000Z"]
    assert fires(schedule, "2025-02-01T09:00:00.25Z") == []


def test_a_label_is_read_in_its_zone() -> None:
    assert fires(a_schedule(execute_at="2025-07-01T09:00:00", timezone="Europe/Amsterdam"), None) == ["2025-07-01T07:00:00Z"]


def test_a_label_in_a_gap_or_fold_goes_by_the_policy_that_is_given() -> None:
    gap = {"execute_at": "2024-03-10T02:30:00", "timezone": "America/New_York"}
    fold = {"execute_at": "2024-11-03T01:30:00", "timezone": "America/New_York"}

    assert fires(a_schedule(**gap, dst={"gap": "next_valid"}), None) == ["2024-03-10T07:00:00Z"]
    assert fires(a_schedule(**gap, dst={"gap": "shift"}), None) == ["2024-03-10T07:30:00Z"]
    assert fires(a_schedule(**fold, dst={"fold": "first"}), None) == ["2024-11-03T05:30:00Z"]
    assert fires(a_schedule(**fold, dst={"fold": "last"}), None) == ["2024-11-03T06:30:00Z"]
