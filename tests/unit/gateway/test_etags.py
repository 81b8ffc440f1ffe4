import pytest

from planner.gateway.etags import NO_REVISION, expected_revision, is_unchanged, plan_tag
from planner.gateway.problems import ProblemError

PLAN = {"revision": 3, "status": "active", "next_run_at": None, "last_run": None, "name": "a"}


def test_a_tag_changes_with_the_revision_and_with_what_moves_between_revisions() -> None:
    tag = plan_tag(PLAN)
    assert tag.startswith('"3-')
    assert plan_tag(PLAN | {"name": "b"}) == tag
    for moved in ({"revision": 4}, {"status": "completed"}, {"next_run_at": "2026-01-01T00:00:00Z"}, {"last_run": {"id": "x"}}):
        assert plan_tag(PLAN | moved) != tag


@pytest.mark.parametrize("headers", [['"a"'], ['"b", "a"'], ['"b"', 'W/"a"'], ["*"]])
def test_if_none_match_compares_whole_tags_weakly(headers: list[str]) -> None:
    assert is_unchanged(headers, '"a"')


@pytest.mark.parametrize("headers", [[], ["a"], ['"b"'], ['"a" "b"'], [""], [","]])
def test_a_tag_that_is_not_named_has_changed(headers: list[str]) -> None:
    assert not is_unchanged(headers, '"a"')


@pytest.mark.parametrize(
    ("headers", "revision"),
    [
        ([], None),
        (["*"], None),
        (['"3-abc"'], 3),
        (['"3"'], 3),
        (['"3-abc"', '"5"'], 5),
        (['W/"3-abc"'], NO_REVISION),
        (['"theirs"'], NO_REVISION),
        ([f'"{2**31 - 1}"'], NO_REVISION),
        (['"9999999999"'], NO_REVISION),
        (['"0"'], NO_REVISION),
    ],
)
def test_if_match_asks_for_a_revision(headers: list[str], revision: int | None) -> None:
    assert expected_revision(headers) == revision


@pytest.mark.parametrize("header", ["3", '"3', "", ",", '"a" "b"'])
def test_an_if_match_that_is_no_list_of_tags_is_refused(header: str) -> None:
    with pytest.raises(ProblemError, match="INVALID_PARAMETER"):
        expected_revision([header])
