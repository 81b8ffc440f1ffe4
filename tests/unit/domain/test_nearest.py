"""What is near enough to be meant."""

from planner.domain.nearest import nearest


def test_a_name_of_64_characters_is_compared_and_a_longer_one_is_not() -> None:
    known = ["a" * 64]

    assert (nearest("a" * 64, known), nearest("a" * 65, known)) == (known[0], None)


def test_upper_and_lower_case_do_not_count_and_the_name_is_told_as_it_is() -> None:
    assert nearest("dAY_oF_wEK", ["day_of_month", "Day_Of_Week"]) == "Day_Of_Week"


def test_a_name_like_none_of_them_is_near_to_nothing() -> None:
    assert nearest("cron", ["action", "recurrence"]) is None
