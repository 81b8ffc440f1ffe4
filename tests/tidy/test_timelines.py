import pytest

from support.timeline_stories import PAGE, STORIES
from support.timelines import rendered, with_timelines

BEHIND = "Before.\n<!-- timelines: roll -->\n```text\nold\n\nolder\n```\nAfter.\n"


def test_the_page_shows_what_the_owner_decides() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_timelines(page, STORIES) == page, "run `make docs`"


def test_what_is_behind_is_written_anew_and_nothing_else() -> None:
    roll = STORIES["roll"]
    assert with_timelines(BEHIND, {"roll": roll}) == BEHIND.replace("old\n\nolder\n", rendered(roll[0]))


def test_a_story_that_no_page_shows_is_found() -> None:
    with pytest.raises(AssertionError, match="gap"):
        with_timelines(BEHIND, {"roll": STORIES["roll"], "gap": STORIES["gap"]})
