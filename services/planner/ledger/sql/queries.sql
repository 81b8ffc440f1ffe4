-- name: run_rows
-- Every run of the run store.
SELECT id::text AS run_id, plan_id::text AS plan_id, scheduled_for, attempt, published_at FROM runs;

-- name: skipped_occurrences
-- Every skip, a single one as a range of one.
SELECT plan_id::text AS plan_id, first_scheduled_for, last_scheduled_for, reason FROM skipped_occurrences;
