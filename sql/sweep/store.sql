-- Stores what was learnt, at one stroke: $1 to $4 roles, when each was active, when the session began that shows it, and what it
-- rests on; $5 to $16 the records of instances; $17 instances to be forgotten.
-- A role that is locked was active before the lock, or has been let in since by somebody else: then its lock begins anew with that
-- activity, and with any that follows. That it was let in shows a session that began after the lock; of one that does not tell when it
-- began, or is only seen open, the doubt is that it began before. The 2 seconds are for the log's whole seconds and for the lock's own
-- commit.
WITH learnt AS (
    SELECT s.user_name, s.locked_at, a.at, a.source,
           coalesce(a.source <> 'session' AND (a.began >= s.locked_at + interval '2 seconds'
                                               OR s.locked_at = s.last_login_time AND a.at > s.locked_at), false) AS let_in
    FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::timestamptz[]), pg_catalog.unnest($3::timestamptz[]), pg_catalog.unnest($4::text[]))
        AS a (name, at, began, source)
    JOIN :"state_schema".user_login_status s ON s.user_name = a.name
), dated AS (
    SELECT l.user_name, l.source,
           CASE WHEN l.locked_at IS NULL OR l.let_in THEN l.at
                WHEN l.source <> 'session' OR l.at < l.locked_at + interval '2 seconds' THEN least(l.at, l.locked_at + interval '1999 milliseconds') END AS at,
           l.let_in
    FROM learnt l
), activity AS (
    UPDATE :"state_schema".user_login_status s
    SET last_login_time = d.at, last_login_source = d.source,
        locked_at = CASE WHEN d.let_in THEN d.at ELSE s.locked_at END
    FROM dated d
    WHERE s.user_name = d.user_name AND d.at > s.last_login_time
), forgotten AS (
    DELETE FROM :"state_schema".user_login_job_status j WHERE j.instance_name = ANY ($17::text[])
)
INSERT INTO :"state_schema".user_login_job_status
    (instance_name, last_processed_time, evidence_from, canary, canary_at, canary_seen_at,
     resource_id, started_at, conf_loaded_at, sessions, run_number, streams)
SELECT r.instance, r.processed, r.evidence, nullif(r.canary, ''), r.canary_at, r.seen_at,
       nullif(r.resource, ''), r.started, r.loaded, nullif(r.sessions, '')::jsonb, nullif(r.run, 0), nullif(r.streams, '')::jsonb
FROM ROWS FROM (pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::timestamptz[]), pg_catalog.unnest($7::timestamptz[]),
                pg_catalog.unnest($8::text[]), pg_catalog.unnest($9::timestamptz[]), pg_catalog.unnest($10::timestamptz[]),
                pg_catalog.unnest($11::text[]), pg_catalog.unnest($12::timestamptz[]), pg_catalog.unnest($13::timestamptz[]),
                pg_catalog.unnest($14::text[]), pg_catalog.unnest($15::int8[]), pg_catalog.unnest($16::text[]))
    AS r (instance, processed, evidence, canary, canary_at, seen_at, resource, started, loaded, sessions, run, streams)
ON CONFLICT (instance_name) DO UPDATE
SET last_processed_time = excluded.last_processed_time, evidence_from = excluded.evidence_from,
    canary = excluded.canary, canary_at = excluded.canary_at, canary_seen_at = excluded.canary_seen_at,
    resource_id = excluded.resource_id, started_at = excluded.started_at, conf_loaded_at = excluded.conf_loaded_at,
    sessions = excluded.sessions, run_number = excluded.run_number, streams = excluded.streams
