import pytest

from planner.recorder.source import Partition
from planner.recorder.watermark import LogBrokenError, Standing, Stillness

PARTITION = Partition("planner.run.events", 3)


@pytest.mark.parametrize(("place", "start", "end"), [(0, 0, 0), (5, 5, 9), (9, 5, 9)])
def test_a_place_inside_the_log_is_good(place: int, start: int, end: int) -> None:
    standing = Standing(PARTITION, place, start, end)
    standing.refuse_hole()
    assert standing.lag == end - place


def test_records_deleted_before_they_were_recorded_are_a_gap() -> None:
    with pytest.raises(LogBrokenError, match=r"gap: planner\.run\.events partition 3 begins at 6, recording stands at 5"):
        Standing(PARTITION, 5, 6, 9).refuse_hole()


def test_a_place_beyond_the_log_is_another_log() -> None:
    with pytest.raises(LogBrokenError, match="truncated"):
        Standing(PARTITION, 10, 5, 9).refuse_hole()


def test_only_so_many_equal_looks_in_a_row_are_still() -> None:
    stillness = Stillness(3)
    assert [stillness.look(PARTITION, state) for state in (1, 1, 2, 2, 2, 2, 1)] == [False, False, False, False, True, True, False]
