-- How far each instance's log is read, since when its record is unbroken, and what was seen of it.
SELECT j.instance_name, j.last_processed_time, j.evidence_from, coalesce(j.canary, ''), j.canary_at, j.canary_seen_at,
       coalesce(j.resource_id, ''), j.started_at, j.conf_loaded_at, coalesce(j.sessions::text, ''), coalesce(j.run_number, 0),
       coalesce(j.streams::text, '')
FROM :"state_schema".user_login_job_status j ORDER BY j.instance_name
