-- name: read_plan
-- A plan with what run events have moved since its last plan event.
SELECT plan, organization_id, status, next_run_at, last_run_id, last_run_state, last_run_scheduled_for, last_run_finished_at
FROM plans
WHERE id = $1 AND tenant_id = $2 AND ($3::text[] IS NULL OR organization_id = ANY($3));

-- name: list_plans
-- The beginning of a list of plans; conditions.py adds filters, place, order and limit.
SELECT id, name, created_at, plan, organization_id, status, next_run_at, last_run_id, last_run_state, last_run_scheduled_for,
    last_run_finished_at
FROM plans;

-- name: read_plan_at
-- The plan as one revision made it; of successors with the same id the last one up to an offset.
SELECT plan FROM plan_revisions WHERE plan_id = $1 AND revision = $2 AND event_offset <= $3 ORDER BY event_offset DESC LIMIT 1;

-- name: list_runs
-- The beginning of a list of runs; conditions.py adds filters, place, order and limit.
SELECT * FROM runs;

-- name: count_fired
-- How many occurrences of the plan that has the id now have fired, counted to a limit.
SELECT count(*) AS fired FROM (
    SELECT 1 FROM runs JOIN plans ON plans.id = runs.plan_id
    WHERE runs.plan_id = $1 AND runs.trigger = 'schedule' AND runs.attempt = 1 AND runs.published_at >= plans.created_at
    LIMIT $2
) AS counted;

-- name: read_run
-- One run of a plan.
SELECT * FROM runs
WHERE id = $1 AND plan_id = $2 AND tenant_id = $3 AND ($4::text[] IS NULL OR organization_id = ANY($4));

-- name: read_run_history
-- A run's transitions up to the state that was read with it, in order.
SELECT state, at, by, sequence FROM run_history WHERE run_id = $1 AND sequence <= $2 ORDER BY sequence;

-- name: read_command
-- What is known of a command.
SELECT id, state, plan_id, revision, replayed, problem, event_offset, at FROM commands
WHERE tenant_id = $1 AND id = $2 AND ($3::text[] IS NULL OR organization_id = ANY($3));

-- name: read_watermarks
-- Where the recorder is in these topics.
SELECT topic, partition, next_offset FROM positions WHERE topic = ANY($1::text[]);

-- name: read_api_key
-- A key by its id, whether it still holds or not.
SELECT id, tenant_id, organizations, scopes, secret_sha256, expires_at, revoked_at, last_used_at FROM api_keys WHERE id = $1;

-- name: note_api_key_use
-- Keeps when a key was last used; the later moment stays.
UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2);
