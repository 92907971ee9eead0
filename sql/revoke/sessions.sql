-- The sessions and other backends of the users $1 on this instance, and those that block the process $2 (0 = none is asked about).
SELECT a.pid, coalesce(a.usename::text, '')
FROM pg_catalog.pg_stat_activity a
WHERE a.pid <> pg_catalog.pg_backend_pid()
  AND (a.usename = ANY ($1::text[]) OR a.pid = ANY (pg_catalog.pg_blocking_pids($2::int)))
