import pytest

from planner.gateway.preferences import Wait, parse_wait


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ([], Wait(5)),
        (["wait=2"], Wait(2, "wait=2")),
        (['wait="2"'], Wait(2, "wait=2")),
        (["wait=0"], Wait(0, "wait=0")),
        (["wait=60"], Wait(5)),
        (["respond-async"], Wait(0, "respond-async")),
        (["respond-async, wait=3"], Wait(3, "wait=3")),
        (["Wait=1", "wait=2"], Wait(1, "wait=1")),
        (["wait=soon"], Wait(5)),
        (["wait=-1"], Wait(5)),
        (["wait=٢"], Wait(5)),
        (["handling=strict; x=1, wait=4"], Wait(4, "wait=4")),
    ],
)
def test_a_caller_waits_as_it_prefers_within_what_is_granted(headers: list[str], wait: Wait) -> None:
    assert parse_wait(headers, most_s=5) == wait
