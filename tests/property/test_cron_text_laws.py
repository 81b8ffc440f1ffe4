"""Reading and printing cron rules: parse, print, parse is the identity, and whatever is not a rule is refused properly."""

from hypothesis import given
from hypothesis import strategies as st

from planner.domain.errors import ScheduleError
from planner.domain.limits import CRON_CHARACTERS_MAX
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.cron_text import parse_cron
from support.recurrences import CRON_TEXTS

NOISE = st.one_of(
    st.text(alphabet=" \t0123456789*/,-#?@()LWHRSMTUEFNOVJAlwmon", max_size=40),
    st.text(max_size=40),
    st.text(alphabet="0123456789", min_size=200, max_size=300),
    st.builds(
        lambda text, place, noise: text[: place % (len(text) + 1)] + noise + text[place % (len(text) + 1) :],
        CRON_TEXTS,
        st.integers(0, 100),
        st.text(max_size=2),
    ),
)


@given(CRON_TEXTS)
def test_the_canonical_text_means_the_same_and_is_its_own(text: str) -> None:
    rule = parse_cron(text)

    assert parse_cron(rule.canonical) == rule
    assert parse_cron(rule.canonical.lower()) == rule
    assert len(rule.canonical) <= len(text)


@given(CRON_TEXTS)
def test_blanks_around_and_between_fields_mean_nothing(text: str) -> None:
    spaced = " \t" + text.replace(" ", "\t  ") + "\t"

    if len(spaced) <= CRON_CHARACTERS_MAX:
        assert parse_cron(spaced) == parse_cron(text)


def read(text: str) -> Cron | ScheduleError:
    try:
        return parse_cron(text)
    except ScheduleError as refused:
        return refused


@given(NOISE)
def test_what_is_no_rule_is_refused_with_a_code_and_a_place_in_the_text(text: str) -> None:
    result = read(text)

    if isinstance(result, ScheduleError):
        assert result.code.startswith("CRON_")
        assert result.position is None or 0 <= result.position <= len(text)
        assert len(result.detail) < 200
    else:
        assert parse_cron(result.canonical) == result
