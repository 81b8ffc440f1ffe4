"""The run store: projections of plan, run and command records, their positions, and the gateway's API keys."""

from alembic import op

revision = "0001_pre_run_store"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # Name order and name prefixes must not depend on the server's locale: every text is compared byte by byte.
    """
    CREATE TABLE plans (
        id uuid PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        organization_id text COLLATE "C" NOT NULL,
        name text COLLATE "C",
        labels jsonb NOT NULL,
        action text COLLATE "C" NOT NULL,
        status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'paused', 'completed', 'cancelled')),
        revision integer NOT NULL,
        next_run_at timestamptz,
        last_run_id uuid,
        last_run_state text COLLATE "C",
        last_run_scheduled_for timestamptz,
        last_run_finished_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        event_partition integer NOT NULL,
        event_offset bigint NOT NULL,
        plan json NOT NULL
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX plans_by_created_at ON plans (tenant_id, created_at DESC, id DESC)",
    "CREATE INDEX plans_by_next_run_at ON plans (tenant_id, next_run_at, id)",
    "CREATE INDEX plans_by_name ON plans (tenant_id, name, id)",
    "CREATE INDEX plans_by_labels ON plans USING gin (labels jsonb_path_ops)",
    """
    CREATE TABLE plan_revisions (
        plan_id uuid NOT NULL,
        event_offset bigint NOT NULL,
        revision integer NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        organization_id text COLLATE "C" NOT NULL,
        kind text COLLATE "C" NOT NULL,
        command_id uuid NOT NULL,
        actor text NOT NULL,
        at timestamptz NOT NULL,
        changes json NOT NULL,
        plan json NOT NULL,
        PRIMARY KEY (plan_id, event_offset)
    )
    """,
    # What run events say of a plan's next due time, kept apart from `plans`: they may come before the plan's own event.
    """
    CREATE TABLE plan_progress (
        plan_id uuid PRIMARY KEY,
        plan_revision integer NOT NULL,
        event_offset bigint NOT NULL,
        next_run_at timestamptz NOT NULL
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE runs (
        id uuid PRIMARY KEY,
        plan_id uuid NOT NULL,
        plan_revision integer NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        organization_id text COLLATE "C" NOT NULL,
        action text COLLATE "C" NOT NULL,
        trigger text COLLATE "C" NOT NULL CHECK (trigger IN ('schedule', 'manual', 'backfill')),
        attempt integer NOT NULL,
        scheduled_for timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        published_at timestamptz NOT NULL,
        lateness_ms double precision NOT NULL,
        state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'executing', 'completed', 'failed')),
        started_at timestamptz,
        finished_at timestamptz,
        worker text,
        progress json,
        result json,
        error json,
        reason text COLLATE "C",
        sequence integer NOT NULL
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX runs_by_plan ON runs (plan_id, scheduled_for DESC, id DESC)",
    "CREATE INDEX runs_by_tenant ON runs (tenant_id, scheduled_for DESC, id DESC)",
    """
    CREATE TABLE run_history (
        run_id uuid NOT NULL,
        sequence integer NOT NULL,
        state text COLLATE "C" NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        PRIMARY KEY (run_id, sequence)
    )
    """,
    """
    CREATE TABLE skipped_occurrences (
        plan_id uuid NOT NULL,
        event_offset bigint NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        organization_id text COLLATE "C" NOT NULL,
        plan_revision integer NOT NULL,
        reason text COLLATE "C" NOT NULL,
        first_scheduled_for timestamptz NOT NULL,
        last_scheduled_for timestamptz NOT NULL,
        count integer,
        into_scheduled_for timestamptz,
        PRIMARY KEY (plan_id, event_offset)
    )
    """,
    "CREATE INDEX skipped_occurrences_by_plan ON skipped_occurrences (plan_id, last_scheduled_for DESC)",
    """
    CREATE TABLE commands (
        tenant_id text COLLATE "C" NOT NULL,
        id uuid NOT NULL,
        organization_id text COLLATE "C" NOT NULL,
        state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'accepted', 'rejected')),
        plan_id uuid,
        revision integer,
        problem json,
        replayed boolean NOT NULL,
        original_command_id uuid,
        event_partition integer,
        event_offset bigint,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, id)
    )
    """,
    """
    CREATE TABLE positions (
        topic text COLLATE "C" NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (topic, partition)
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE api_keys (
        id text COLLATE "C" PRIMARY KEY,
        tenant_id text COLLATE "C" NOT NULL,
        organizations text[],
        scopes text[],
        secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        revoked_at timestamptz,
        last_used_at timestamptz
    )
    """,
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('planner.retention', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION '% of % is refused: final runs and run history are immutable', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER final_runs_are_immutable BEFORE UPDATE OR DELETE ON runs
        FOR EACH ROW WHEN (OLD.state IN ('completed', 'failed')) EXECUTE FUNCTION refuse_change()
    """,
    "CREATE TRIGGER runs_are_not_truncated BEFORE TRUNCATE ON runs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    """
    CREATE TRIGGER history_is_append_only BEFORE UPDATE OR DELETE ON run_history
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    "CREATE TRIGGER history_is_not_truncated BEFORE TRUNCATE ON run_history FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
