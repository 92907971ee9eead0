-- How far each instance's log is read, since when its record is unbroken, and what was seen of it.
SELECT j.instance_name, j.last_processed_time, j.evidence_from, coalesce(j.canary, ''), j.canary_at, j.canary_seen_at,
       coalesce(r.columns ->> 'resource_id', ''), (r.columns ->> 'started_at')::timestamptz, (r.columns ->> 'conf_loaded_at')::timestamptz,
       coalesce(r.columns ->> 'sessions', ''), coalesce((r.columns ->> 'run_number')::int8, 0), coalesce(r.columns ->> 'streams', '')
FROM :"state_schema".user_login_job_status j
CROSS JOIN LATERAL pg_catalog.to_jsonb(j) AS r (columns) -- 1.0's tables lack some of them
ORDER BY j.instance_name
