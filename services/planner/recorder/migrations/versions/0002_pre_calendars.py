"""The tenants' holiday lists, and which plans use one."""

from alembic import op

revision = "0002_pre_calendars"
down_revision = "0001_pre_run_store"
branch_labels = None
depends_on = None

STATEMENTS = (
    # A deleted list stays, hidden: plans that use it keep its dates, and an event that comes late must not bring it back.
    """
    CREATE TABLE calendars (
        tenant_id text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        dates json NOT NULL,
        deleted boolean NOT NULL,
        updated_at timestamptz NOT NULL,
        updated_by text NOT NULL,
        PRIMARY KEY (tenant_id, name)
    )
    """,
    """
    CREATE INDEX plans_by_calendar ON plans (tenant_id, (plan #>> '{recurrence,holiday_calendar}'))
        WHERE status IN ('active', 'paused') AND plan #>> '{recurrence,holiday_calendar}' IS NOT NULL
    """,
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
