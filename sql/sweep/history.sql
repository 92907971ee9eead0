-- The latest actions, $1 of them at most, each with what it rests on. Others may have written into the table too.
SELECT a.happened_at, coalesce(pg_catalog.left(a.user_name, 100), ''), coalesce(pg_catalog.left(a.action, 100), ''), coalesce(pg_catalog.left(a.detail ->> 'lastActivity', 40), ''),
       coalesce(pg_catalog.left(a.detail ->> 'idleDays', 10), ''), coalesce(pg_catalog.left(a.detail ->> 'evidenceTo', 40), ''),
       coalesce(pg_catalog.left(a.detail ->> 'reason', 300), '')
FROM :"state_schema".user_login_action a
WHERE pg_catalog.isfinite(a.happened_at) AND a.action IN ('notice', 'findings') IS NOT TRUE
ORDER BY a.happened_at DESC LIMIT $1
