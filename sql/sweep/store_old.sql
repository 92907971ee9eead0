-- As store.sql does, in tables with the columns of version 1.0: $1, $2 roles and when each was active; $3 to $8 the records of
-- instances; $9 instances to be forgotten. Of a role that is locked only what came before the lock counts.
WITH activity AS (
    UPDATE :"state_schema".user_login_status s
    SET last_login_time = a.at
    FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::timestamptz[])) AS a (name, at)
    WHERE s.user_name = a.name AND a.at > s.last_login_time
      AND (s.locked_at IS NULL OR a.at < s.locked_at + interval '2 seconds')
), forgotten AS (
    DELETE FROM :"state_schema".user_login_job_status j WHERE j.instance_name = ANY ($9::text[])
)
INSERT INTO :"state_schema".user_login_job_status
    (instance_name, last_processed_time, evidence_from, canary, canary_at, canary_seen_at)
SELECT r.instance, r.processed, r.evidence, nullif(r.canary, ''), r.canary_at, r.seen_at
FROM ROWS FROM (pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::timestamptz[]), pg_catalog.unnest($5::timestamptz[]), pg_catalog.unnest($6::text[]), pg_catalog.unnest($7::timestamptz[]), pg_catalog.unnest($8::timestamptz[]))
    AS r (instance, processed, evidence, canary, canary_at, seen_at)
ON CONFLICT (instance_name) DO UPDATE
SET last_processed_time = excluded.last_processed_time, evidence_from = excluded.evidence_from,
    canary = excluded.canary, canary_at = excluded.canary_at, canary_seen_at = excluded.canary_seen_at
