-- The sweep's tables, where they do not exist yet: last activity and status of each role, how far each instance's log is read,
-- and what was done to whom on what evidence.
CREATE TABLE IF NOT EXISTS :"state_schema".user_login_status (
    user_name text PRIMARY KEY,
    last_login_time timestamptz NOT NULL DEFAULT pg_catalog.now(),
    status text NOT NULL DEFAULT 'Active',
    status_changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    locked_at timestamptz,
    role_oid oid
);
CREATE TABLE IF NOT EXISTS :"state_schema".user_login_job_status (
    instance_name text PRIMARY KEY,
    last_processed_time timestamptz NOT NULL,
    evidence_from timestamptz NOT NULL,
    canary text,
    canary_at timestamptz,
    canary_seen_at timestamptz
);
CREATE TABLE IF NOT EXISTS :"state_schema".user_login_action (
    happened_at timestamptz,
    user_name text,
    action text,
    detail jsonb
);
