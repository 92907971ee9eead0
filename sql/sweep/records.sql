-- How far each instance's log is read, and since when its record is unbroken.
SELECT j.instance_name, j.last_processed_time, j.evidence_from, coalesce(j.canary, ''), j.canary_at, j.canary_seen_at
FROM :"state_schema".user_login_job_status j ORDER BY j.instance_name
