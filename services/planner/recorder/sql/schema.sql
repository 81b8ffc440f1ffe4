CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('planner.retention', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION '% of % is refused: final runs and run history are immutable', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END
    $$;

CREATE TABLE public.api_keys (
    id text NOT NULL COLLATE pg_catalog."C",
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    organizations text[],
    scopes text[],
    secret_sha256 bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_secret_sha256_check CHECK ((octet_length(secret_sha256) = 32))
);

CREATE TABLE public.calendars (
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    dates json NOT NULL,
    deleted boolean NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL
);

CREATE TABLE public.commands (
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    id uuid NOT NULL,
    organization_id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    plan_id uuid,
    revision integer,
    problem json,
    replayed boolean NOT NULL,
    original_command_id uuid,
    event_partition integer,
    event_offset bigint,
    at timestamp with time zone NOT NULL,
    CONSTRAINT commands_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'accepted'::text, 'rejected'::text])))
);

CREATE TABLE public.held_occurrences (
    plan_id uuid NOT NULL,
    scheduled_for timestamp with time zone NOT NULL,
    plan_revision integer NOT NULL,
    event_offset bigint NOT NULL
);

CREATE TABLE public.plan_progress (
    plan_id uuid NOT NULL,
    plan_revision integer NOT NULL,
    event_offset bigint NOT NULL,
    next_run_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE public.plan_revisions (
    plan_id uuid NOT NULL,
    event_offset bigint NOT NULL,
    revision integer NOT NULL,
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    organization_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    command_id uuid NOT NULL,
    actor text NOT NULL,
    at timestamp with time zone NOT NULL,
    changes json NOT NULL,
    plan json NOT NULL
);

CREATE TABLE public.plans (
    id uuid NOT NULL,
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    organization_id text NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    labels jsonb NOT NULL,
    action text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    revision integer NOT NULL,
    next_run_at timestamp with time zone,
    last_run_id uuid,
    last_run_state text COLLATE pg_catalog."C",
    last_run_scheduled_for timestamp with time zone,
    last_run_finished_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    event_partition integer NOT NULL,
    event_offset bigint NOT NULL,
    plan json NOT NULL,
    CONSTRAINT plans_status_check CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text, 'completed'::text, 'cancelled'::text])))
)
WITH (fillfactor='80');

CREATE TABLE public.positions (
    topic text NOT NULL COLLATE pg_catalog."C",
    partition integer NOT NULL,
    next_offset bigint NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE public.run_history (
    run_id uuid NOT NULL,
    sequence integer NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    by text NOT NULL
);

CREATE TABLE public.runs (
    id uuid NOT NULL,
    plan_id uuid NOT NULL,
    plan_revision integer NOT NULL,
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    organization_id text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    trigger text NOT NULL COLLATE pg_catalog."C",
    attempt integer NOT NULL,
    scheduled_for timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    published_at timestamp with time zone NOT NULL,
    lateness_ms double precision NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    worker text,
    progress json,
    result json,
    error json,
    reason text COLLATE pg_catalog."C",
    sequence integer NOT NULL,
    CONSTRAINT runs_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'executing'::text, 'completed'::text, 'failed'::text]))),
    CONSTRAINT runs_trigger_check CHECK ((trigger = ANY (ARRAY['schedule'::text, 'manual'::text, 'backfill'::text])))
)
WITH (fillfactor='80');

CREATE TABLE public.skipped_occurrences (
    plan_id uuid NOT NULL,
    event_offset bigint NOT NULL,
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    organization_id text NOT NULL COLLATE pg_catalog."C",
    plan_revision integer NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    first_scheduled_for timestamp with time zone NOT NULL,
    last_scheduled_for timestamp with time zone NOT NULL,
    count integer,
    into_scheduled_for timestamp with time zone
);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.calendars
    ADD CONSTRAINT calendars_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.held_occurrences
    ADD CONSTRAINT held_occurrences_pkey PRIMARY KEY (plan_id, scheduled_for);

ALTER TABLE ONLY public.plan_progress
    ADD CONSTRAINT plan_progress_pkey PRIMARY KEY (plan_id);

ALTER TABLE ONLY public.plan_revisions
    ADD CONSTRAINT plan_revisions_pkey PRIMARY KEY (plan_id, event_offset);

ALTER TABLE ONLY public.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (topic, partition);

ALTER TABLE ONLY public.run_history
    ADD CONSTRAINT run_history_pkey PRIMARY KEY (run_id, sequence);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.skipped_occurrences
    ADD CONSTRAINT skipped_occurrences_pkey PRIMARY KEY (plan_id, event_offset);

CREATE INDEX plans_by_calendar ON public.plans USING btree (tenant_id, ((plan #>> '{recurrence,holiday_calendar}'::text[]))) WHERE ((status = ANY (ARRAY['active'::text, 'paused'::text])) AND ((plan #>> '{recurrence,holiday_calendar}'::text[]) IS NOT NULL));

CREATE INDEX plans_by_created_at ON public.plans USING btree (tenant_id, created_at DESC, id DESC);

CREATE INDEX plans_by_labels ON public.plans USING gin (labels jsonb_path_ops);

CREATE INDEX plans_by_name ON public.plans USING btree (tenant_id, name, id);

CREATE INDEX plans_by_next_run_at ON public.plans USING btree (tenant_id, next_run_at, id);

CREATE INDEX runs_by_plan ON public.runs USING btree (plan_id, scheduled_for DESC, id DESC);

CREATE INDEX runs_by_tenant ON public.runs USING btree (tenant_id, scheduled_for DESC, id DESC);

CREATE INDEX skipped_occurrences_by_plan ON public.skipped_occurrences USING btree (plan_id, last_scheduled_for DESC);

CREATE TRIGGER final_runs_are_immutable BEFORE DELETE OR UPDATE ON public.runs FOR EACH ROW WHEN ((old.state = ANY (ARRAY['completed'::text, 'failed'::text]))) EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER history_is_append_only BEFORE DELETE OR UPDATE ON public.run_history FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER history_is_not_truncated BEFORE TRUNCATE ON public.run_history FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER runs_are_not_truncated BEFORE TRUNCATE ON public.runs FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
