"""Occurrences that wait for a run of their plan to end."""

from alembic import op

revision = "0003_pre_held"
down_revision = "0002_pre_calendars"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE held_occurrences (
        plan_id uuid NOT NULL,
        scheduled_for timestamptz NOT NULL,
        plan_revision integer NOT NULL,
        event_offset bigint NOT NULL,
        PRIMARY KEY (plan_id, scheduled_for)
    )
    """,
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
