-- Who holds a lock that keeps a sweep from beginning: its process id, user, where its name is ASCII, and application.
SELECT 'process ' || l.pid || CASE WHEN a.usename::text !~ '[^ -~]' THEN ' of ' || pg_catalog.quote_ident(a.usename) ELSE '' END || coalesce(' (' || nullif(a.application_name, '') || ')', '')
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.granted AND l.locktype = 'relation' AND l.relation = pg_catalog.to_regclass($1)
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
  AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
ORDER BY l.pid LIMIT 1
