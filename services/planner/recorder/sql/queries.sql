-- name: begin_positions
-- A partition that was never recorded gets its first position; others keep theirs.
INSERT INTO positions (topic, partition, next_offset)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[])
ON CONFLICT (topic, partition) DO NOTHING;

-- name: read_positions
-- Where recording goes on, of the partitions given.
SELECT p.topic, p.partition, p.next_offset
FROM positions p JOIN unnest($1::text[], $2::integer[]) AS wanted (topic, partition) USING (topic, partition);

-- name: move_positions
-- Moves each position that stands where its batch began; the caller counts the rows and gives up if one did not.
UPDATE positions p SET next_offset = m.next_offset
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) AS m (topic, partition, began, next_offset)
WHERE p.topic = m.topic AND p.partition = m.partition AND p.next_offset = m.began
RETURNING 1;

-- name: forget_positions
-- Makes the recorder read every topic again from its start; what it writes twice changes nothing.
DELETE FROM positions;

-- name: upsert_plans
-- The newest event of a plan wins; its last run stays until refresh_plans.
INSERT INTO plans AS p (
    id, tenant_id, organization_id, name, labels, action, status, revision, next_run_at, created_at, updated_at,
    event_partition, event_offset, plan
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::text[], $8::integer[], $9::timestamptz[],
    $10::timestamptz[], $11::timestamptz[], $12::integer[], $13::bigint[], $14::json[]
)
ON CONFLICT (id) DO UPDATE SET
    tenant_id = excluded.tenant_id, organization_id = excluded.organization_id, name = excluded.name, labels = excluded.labels,
    action = excluded.action, status = excluded.status, revision = excluded.revision, next_run_at = excluded.next_run_at,
    created_at = excluded.created_at, updated_at = excluded.updated_at, event_partition = excluded.event_partition,
    event_offset = excluded.event_offset, plan = excluded.plan
WHERE p.event_offset <= excluded.event_offset;

-- name: complete_plans
-- Nothing of these plans will fire again; a successor that was made later is left alone.
UPDATE plans p SET status = 'completed', next_run_at = NULL, event_offset = c.event_offset
FROM unnest($1::uuid[], $2::bigint[]) AS c (plan_id, event_offset)
WHERE p.id = c.plan_id AND p.event_offset < c.event_offset;

-- name: insert_revisions
-- An event is a revision only if its number is above the plan's newest one before it; a successor begins anew.
INSERT INTO plan_revisions (
    plan_id, event_offset, revision, tenant_id, organization_id, kind, command_id, actor, at, changes, plan
)
SELECT e.* FROM unnest(
    $1::uuid[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::timestamptz[],
    $10::json[], $11::json[]
) AS e (plan_id, event_offset, revision, tenant_id, organization_id, kind, command_id, actor, at, changes, plan)
WHERE e.kind = 'created' OR e.revision > coalesce((
    SELECT r.revision FROM plan_revisions r
    WHERE r.plan_id = e.plan_id AND r.event_offset < e.event_offset ORDER BY r.event_offset DESC LIMIT 1
), 0)
ON CONFLICT (plan_id, event_offset) DO NOTHING;

-- name: upsert_runs
-- A later state of a run replaces an earlier one, whichever comes first makes the row.
INSERT INTO runs AS r (
    id, plan_id, plan_revision, tenant_id, organization_id, action, trigger, attempt, scheduled_for, due_at, published_at,
    lateness_ms, state, started_at, finished_at, worker, progress, result, error, reason, sequence
)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::timestamptz[],
    $10::timestamptz[], $11::timestamptz[], $12::double precision[], $13::text[], $14::timestamptz[], $15::timestamptz[],
    $16::text[], $17::json[], $18::json[], $19::json[], $20::text[], $21::integer[]
)
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, started_at = excluded.started_at, finished_at = excluded.finished_at, worker = excluded.worker,
    progress = excluded.progress, result = excluded.result, error = excluded.error, reason = excluded.reason,
    sequence = excluded.sequence
WHERE r.sequence < excluded.sequence;

-- name: insert_transitions
-- History only grows.
INSERT INTO run_history (run_id, sequence, state, at, by)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::timestamptz[], $5::text[])
ON CONFLICT (run_id, sequence) DO NOTHING;

-- name: insert_skips
-- Skipped occurrences, single or as ranges.
INSERT INTO skipped_occurrences (
    plan_id, event_offset, tenant_id, organization_id, plan_revision, reason, first_scheduled_for, last_scheduled_for, count,
    into_scheduled_for
)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::timestamptz[], $8::timestamptz[],
    $9::integer[], $10::timestamptz[]
)
ON CONFLICT (plan_id, event_offset) DO NOTHING;

-- name: insert_held
-- Occurrences that wait; whatever outcome they get later stands elsewhere.
INSERT INTO held_occurrences (plan_id, scheduled_for, plan_revision, event_offset)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::integer[], $4::bigint[])
ON CONFLICT (plan_id, scheduled_for) DO NOTHING;

-- name: upsert_progress
-- The newest run event that names a next due time.
INSERT INTO plan_progress AS g (plan_id, plan_revision, event_offset, next_run_at)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (plan_id) DO UPDATE SET
    plan_revision = excluded.plan_revision, event_offset = excluded.event_offset, next_run_at = excluded.next_run_at
WHERE g.event_offset < excluded.event_offset;

-- name: upsert_commands
-- The first outcome of a command stays; a waiting one gives way to it.
INSERT INTO commands AS c (
    tenant_id, id, organization_id, state, plan_id, revision, problem, replayed, original_command_id, event_partition,
    event_offset, at
)
SELECT * FROM unnest(
    $1::text[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::integer[], $7::json[], $8::boolean[], $9::uuid[],
    $10::integer[], $11::bigint[], $12::timestamptz[]
)
ON CONFLICT (tenant_id, id) DO UPDATE SET
    organization_id = excluded.organization_id, state = excluded.state, plan_id = excluded.plan_id,
    revision = excluded.revision, problem = excluded.problem, replayed = excluded.replayed,
    original_command_id = excluded.original_command_id, event_partition = excluded.event_partition,
    event_offset = excluded.event_offset, at = excluded.at
WHERE c.state = 'pending' AND excluded.state <> 'pending';

-- name: upsert_calendars
-- A later version of a list replaces an earlier one; every partition tells of each.
INSERT INTO calendars AS c (tenant_id, name, version, dates, deleted, updated_at, updated_by)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::json[], $5::boolean[], $6::timestamptz[], $7::text[])
ON CONFLICT (tenant_id, name) DO UPDATE SET
    version = excluded.version, dates = excluded.dates, deleted = excluded.deleted, updated_at = excluded.updated_at,
    updated_by = excluded.updated_by
WHERE c.version < excluded.version;

-- name: refresh_plans
-- Brings what run events know into their plans: the newest occurrence's run, and a later next due time of the same revision.
UPDATE plans p SET
    next_run_at = f.next_run_at, last_run_id = f.last_run_id, last_run_state = f.last_run_state,
    last_run_scheduled_for = f.last_run_scheduled_for, last_run_finished_at = f.last_run_finished_at
FROM (
    SELECT
        plan.id,
        CASE WHEN plan.status = 'active' THEN greatest(plan.next_run_at, g.next_run_at) END AS next_run_at,
        r.id AS last_run_id, r.state AS last_run_state, r.scheduled_for AS last_run_scheduled_for,
        r.finished_at AS last_run_finished_at
    FROM plans plan
    LEFT JOIN plan_progress g ON g.plan_id = plan.id AND g.plan_revision = plan.revision
    LEFT JOIN LATERAL (
        SELECT runs.id, runs.state, runs.scheduled_for, runs.finished_at FROM runs
        WHERE runs.plan_id = plan.id ORDER BY runs.scheduled_for DESC, runs.attempt DESC LIMIT 1
    ) r ON true
    WHERE plan.id = ANY($1::uuid[])
) f
WHERE p.id = f.id AND (p.next_run_at, p.last_run_id, p.last_run_state, p.last_run_finished_at)
    IS DISTINCT FROM (f.next_run_at, f.last_run_id, f.last_run_state, f.last_run_finished_at);

-- name: insert_api_key
-- A new key; of its secret only the digest is kept.
INSERT INTO api_keys (id, tenant_id, organizations, scopes, secret_sha256, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: list_api_keys
-- All keys, or one tenant's, the oldest first.
SELECT id, tenant_id, organizations, scopes, created_at, expires_at, revoked_at, last_used_at FROM api_keys
WHERE $1::text IS NULL OR tenant_id = $1 ORDER BY created_at, id;

-- name: revoke_api_key
-- The first revocation's time stays.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING id;
