"""Named bounds of a schedule (scheduling.md, section 4.3). Those of the other fields stand in planner_contracts.plan."""

from datetime import UTC, datetime, timedelta
from typing import Final

YEAR_MIN: Final = 1970
YEAR_MAX: Final = 2200
FIRST_INSTANT: Final = datetime(YEAR_MIN, 1, 1, tzinfo=UTC)
LAST_INSTANT: Final = datetime(YEAR_MAX, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
TICK: Final = timedelta(microseconds=1)

CRON_CHARACTERS_MAX: Final = 256
CRON_NUMBER_DIGITS_MAX: Final = 4
RRULE_CHARACTERS_MAX: Final = 1024
RRULE_INTERVAL_MAX: Final = 100_000
RRULE_COUNT_MAX: Final = 100_000
RRULE_POSITION_MAX: Final = 366
# So many times of day a rule with BYSETPOS may have.
RRULE_PICKED_TIMES_MAX: Final = 1440
RRULE_DATES_MAX: Final = 1000
# A calendar's field written as a list; its holidays, and a tenant's list of them; how far a date rolls to a business day.
CALENDAR_MEMBERS_MAX: Final = 100
HOLIDAYS_MAX: Final = 1000
ROLL_DAYS_MAX: Final = 31
INTERVAL_SECONDS_MAX: Final = 315_360_000
JITTER_SECONDS_MAX: Final = 86_400
MAX_LATENESS_SECONDS_MAX: Final = 31_536_000
CATCHUP_MAX: Final = 1000
RUNS_MAX: Final = 1_000_000_000
OVERLAP_HELD_MAX: Final = 1000
OVERLAP_HELD_DEFAULT: Final = 100

SPACING_MIN: Final = timedelta(seconds=1)
SPACING_OCCURRENCES: Final = 100

# A backlog whose oldest occurrence is no later than this is ordinary operation: each fires (section 5.1).
ORDINARY_LATENESS: Final = timedelta(seconds=60)
# Up to so many skips of one decision for one reason get a record each; up to the second number a range has an exact count (section 5.6).
SKIP_RECORDS_MAX: Final = 100
SKIP_COUNT_EXACT_MAX: Final = 1000

EXCERPT_CHARACTERS_MAX: Final = 40
# What is told of a refused definition. A rejection is an event: with a fault for each of 50 000 fields no broker would take it.
FAULTS_MAX: Final = 100
FAULT_CHARACTERS_MAX: Final = 500
