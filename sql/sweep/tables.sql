-- The sweep's tables, in the schema that search_path begins with: last activity and status of each role, how far each instance's
-- log is read, and what was done to whom on what evidence. CREATE TABLE has the columns of version 1.0, ALTER TABLE those since.
CREATE TABLE IF NOT EXISTS user_login_status (
    user_name text PRIMARY KEY,
    last_login_time timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL DEFAULT 'Active',
    status_changed_at timestamptz NOT NULL DEFAULT now(),
    locked_at timestamptz,
    role_oid oid
);
ALTER TABLE user_login_status
    ADD COLUMN IF NOT EXISTS last_login_source text NOT NULL DEFAULT 'first seen',
    ADD COLUMN IF NOT EXISTS first_seen_at timestamptz NOT NULL DEFAULT now();
CREATE TABLE IF NOT EXISTS user_login_job_status (
    instance_name text PRIMARY KEY,
    last_processed_time timestamptz NOT NULL,
    evidence_from timestamptz NOT NULL,
    canary text,
    canary_at timestamptz,
    canary_seen_at timestamptz
);
ALTER TABLE user_login_job_status
    ADD COLUMN IF NOT EXISTS resource_id text,
    ADD COLUMN IF NOT EXISTS started_at timestamptz,
    ADD COLUMN IF NOT EXISTS conf_loaded_at timestamptz,
    ADD COLUMN IF NOT EXISTS sessions jsonb,
    ADD COLUMN IF NOT EXISTS run_number bigint,
    ADD COLUMN IF NOT EXISTS streams jsonb;
CREATE TABLE IF NOT EXISTS user_login_action (
    happened_at timestamptz,
    user_name text,
    action text,
    detail jsonb
);
