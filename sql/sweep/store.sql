-- Stores what was learnt, at one stroke: $1 to $4 roles, when each was active, when the session began that shows it (at the latest; null =
-- the role was active when it was locked), and what it rests on; $5 to $16 the records of instances; $17 instances to be forgotten.
-- A role that is locked has been let in since by somebody else if a session of it began after the lock: its login shows that, or what a
-- session wrote that is known to have begun before. Then its lock begins anew with its latest activity, and with any that follows.
-- Where the lock was wrong it moves to just before the role's latest activity, by which it is undone. Any other activity may be of a session
-- that began before the lock, or after it, and leaves it where it is; of a session that is only seen open the same doubt moves nothing. The
-- 2 seconds are for the log's whole seconds and for the lock's own commit.
WITH learnt AS (
    SELECT s.user_name, a.source, CASE WHEN a.source = 'session' AND a.at >= s.locked_at + interval '2 seconds' THEN NULL ELSE a.at END AS at,
           coalesce(a.source <> 'session' AND (a.began >= s.locked_at + interval '2 seconds' AND (a.source = 'login' OR a.began < a.at)
                                               OR s.locked_at = s.last_login_time AND a.at > s.locked_at), false) AS let_in,
           coalesce(a.source <> 'session' AND (a.began IS NULL OR a.began < s.locked_at + interval '2 seconds' AND a.at >= s.locked_at + interval '2 seconds')
                    AND greatest(a.at, s.last_login_time) > s.locked_at, false) AS wrong
    FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::timestamptz[]), pg_catalog.unnest($3::timestamptz[]), pg_catalog.unnest($4::text[]))
        AS a (name, at, began, source)
    JOIN :"state_schema".user_login_status s ON s.user_name = a.name
), activity AS (
    UPDATE :"state_schema".user_login_status s
    SET last_login_time = greatest(l.at, s.last_login_time),
        last_login_source = CASE WHEN l.at > s.last_login_time THEN l.source ELSE s.last_login_source END,
        locked_at = CASE WHEN l.let_in THEN greatest(l.at, s.last_login_time)
                         WHEN l.wrong THEN greatest(l.at, s.last_login_time) - interval '1 millisecond' ELSE s.locked_at END
    FROM learnt l
    WHERE s.user_name = l.user_name AND (l.at > s.last_login_time OR (l.let_in OR l.wrong) AND s.last_login_time >= s.locked_at + interval '2 seconds')
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
