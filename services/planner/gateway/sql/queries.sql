-- name: read_plan
-- A plan with what run events have moved since its last plan event.
SELECT plan, organization_id, status, next_run_at, last_run_id, last_run_state, last_run_scheduled_for, last_run_finished_at, (
    SELECT json_build_object('name', c.name, 'version', c.version, 'dates', c.dates) FROM calendars c
    WHERE c.tenant_id = plans.tenant_id AND c.name = plans.plan #>> '{recurrence,holiday_calendar}'
) AS calendar
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

-- name: read_fired
-- The occurrences of a span that have fired, rising; not those of an earlier plan with the same id.
SELECT id, plan_revision, scheduled_for, due_at, published_at FROM runs
WHERE plan_id = $1 AND trigger = 'schedule' AND attempt = 1 AND scheduled_for >= $2 AND scheduled_for <= $3 AND published_at >= $4
ORDER BY scheduled_for, id LIMIT $5;

-- name: read_skipped
-- The skipped occurrences and ranges that reach into a span, rising.
SELECT reason, first_scheduled_for, last_scheduled_for, count, into_scheduled_for, plan_revision FROM skipped_occurrences
WHERE plan_id = $1 AND last_scheduled_for >= $2 AND first_scheduled_for <= $3 AND ($4::timestamptz IS NULL OR last_scheduled_for > $4)
ORDER BY last_scheduled_for LIMIT $5;

-- name: read_held
-- The occurrences of a span that wait for a run to end. At most 1000 wait at a time, and the oldest gets its outcome first.
SELECT h.scheduled_for, h.plan_revision FROM (
    SELECT scheduled_for, plan_revision FROM held_occurrences WHERE plan_id = $1 ORDER BY scheduled_for DESC LIMIT 1000
) AS h
WHERE h.scheduled_for >= $2 AND h.scheduled_for <= $3 AND ($4::timestamptz IS NULL OR h.scheduled_for > $4)
    AND NOT EXISTS (
        SELECT 1 FROM runs r
        WHERE r.plan_id = $1 AND r.scheduled_for = h.scheduled_for AND r.trigger = 'schedule' AND r.attempt = 1
    )
    AND NOT EXISTS (
        SELECT 1 FROM skipped_occurrences s
        WHERE s.plan_id = $1 AND s.last_scheduled_for >= h.scheduled_for AND s.first_scheduled_for <= h.scheduled_for
    )
ORDER BY h.scheduled_for LIMIT $5;

-- name: read_outcome_before
-- The last occurrence or range that begins before an instant and has an outcome, or has been held.
SELECT outcome, first, last, plan_revision FROM (
    (
        SELECT 'fired' AS outcome, scheduled_for AS first, scheduled_for AS last, plan_revision FROM runs
        WHERE plan_id = $1 AND trigger = 'schedule' AND attempt = 1 AND scheduled_for < $2 AND published_at >= $3
        ORDER BY scheduled_for DESC, id DESC LIMIT 1
    )
    UNION ALL (
        SELECT reason, first_scheduled_for, last_scheduled_for, plan_revision FROM skipped_occurrences
        WHERE plan_id = $1 AND first_scheduled_for < $2 AND ($4::timestamptz IS NULL OR last_scheduled_for > $4)
        ORDER BY last_scheduled_for DESC LIMIT 1
    )
    UNION ALL (
        SELECT 'held', scheduled_for, scheduled_for, plan_revision FROM held_occurrences
        WHERE NOT $5::boolean AND plan_id = $1 AND scheduled_for < $2 AND ($4::timestamptz IS NULL OR scheduled_for > $4)
        ORDER BY scheduled_for DESC LIMIT 1
    )
) AS known
ORDER BY last DESC LIMIT 1;

-- name: read_turn
-- What tells of an occurrence's turn: whether it was held, the run open at an instant (now if null), the runs ended for its sake when it
-- was published, and whether others were coalesced into it, which stand next to it.
WITH earlier AS (
    SELECT id, scheduled_for, published_at, finished_at, reason FROM runs
    WHERE plan_id = $1 AND scheduled_for < $2 AND published_at >= $5
    ORDER BY scheduled_for DESC LIMIT 1000
)
SELECT
    EXISTS (SELECT 1 FROM held_occurrences WHERE plan_id = $1 AND scheduled_for = $2) AS was_held,
    (
        SELECT id FROM earlier
        WHERE published_at <= asked.at AND published_at > asked.at - interval '1 day' AND (finished_at IS NULL OR finished_at > asked.at)
        ORDER BY scheduled_for DESC LIMIT 1
    ) AS open_run,
    ARRAY(
        SELECT id FROM earlier WHERE reason = 'CANCELLED' AND finished_at = $4::timestamptz ORDER BY scheduled_for DESC
    ) AS ended_runs,
    EXISTS (
        SELECT 1 FROM (
            (
                SELECT into_scheduled_for FROM skipped_occurrences WHERE plan_id = $1 AND last_scheduled_for < $2
                ORDER BY last_scheduled_for DESC LIMIT 1
            )
            UNION ALL (
                SELECT into_scheduled_for FROM skipped_occurrences WHERE plan_id = $1 AND last_scheduled_for > $2
                ORDER BY last_scheduled_for LIMIT 1
            )
        ) AS beside WHERE into_scheduled_for = $2
    ) AS stands
FROM (SELECT coalesce($3::timestamptz, now()) AS at) AS asked;

-- name: read_revision_at
-- The plan as it was in force at an instant, or as it was created; not of an earlier plan with the same id.
SELECT revision, plan, (
    SELECT json_build_object('name', c.name, 'version', c.version, 'dates', c.dates) FROM calendars c
    WHERE c.tenant_id = plan_revisions.tenant_id AND c.name = plan_revisions.plan #>> '{recurrence,holiday_calendar}'
) AS calendar
FROM plan_revisions
WHERE plan_id = $1 AND (at < $2 OR kind = 'created')
    AND event_offset >= (SELECT max(event_offset) FROM plan_revisions WHERE plan_id = $1 AND kind = 'created')
ORDER BY event_offset DESC LIMIT 1;

-- name: read_revisions
-- The plan as each of some revisions made it; of plans that had the id one after the other, of the last one.
SELECT DISTINCT ON (revision) revision, plan, (
    SELECT json_build_object('name', c.name, 'version', c.version, 'dates', c.dates) FROM calendars c
    WHERE c.tenant_id = plan_revisions.tenant_id AND c.name = plan_revisions.plan #>> '{recurrence,holiday_calendar}'
) AS calendar
FROM plan_revisions
WHERE plan_id = $1 AND revision = ANY($2::integer[])
ORDER BY revision, event_offset DESC;

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

-- name: read_calendar
-- A holiday list that is not deleted.
SELECT name, version, dates, updated_at, updated_by FROM calendars WHERE tenant_id = $1 AND name = $2 AND NOT deleted;

-- name: list_calendars
-- A tenant's holiday lists behind a name, in order.
SELECT name, version, dates, updated_at, updated_by FROM calendars
WHERE tenant_id = $1 AND name > $2 AND NOT deleted ORDER BY name LIMIT $3;

-- name: count_calendar_names
-- How many names the lists of a tenant have or had; null if this is one of them.
SELECT CASE WHEN bool_or(name = $2) THEN NULL ELSE count(*) END AS names FROM calendars WHERE tenant_id = $1;

-- name: read_calendar_users
-- The plans that a holiday list may not be taken from: how many, and a few of those that the caller may see.
WITH users AS (
    SELECT id, organization_id FROM plans
    WHERE tenant_id = $1 AND plan #>> '{recurrence,holiday_calendar}' = $2 AND status IN ('active', 'paused')
)
SELECT count(*) AS users, ARRAY(
    SELECT id FROM users WHERE $3::text[] IS NULL OR organization_id = ANY($3) ORDER BY id LIMIT $4
) AS some FROM users;

-- name: read_watermarks
-- Where the recorder is in these topics.
SELECT topic, partition, next_offset FROM positions WHERE topic = ANY($1::text[]);

-- name: read_api_key
-- A key by its id, whether it still holds or not.
SELECT id, tenant_id, organizations, scopes, secret_sha256, expires_at, revoked_at, last_used_at FROM api_keys WHERE id = $1;

-- name: note_api_key_use
-- Keeps when a key was last used; the later moment stays.
UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2);
