-- Whose sessions and other backends are open on this instance. A name that this database's encoding does not have is left out, since
-- its conversion may fail: such a role is left alone.
SELECT r.rolname::text, count(*)
FROM pg_catalog.pg_stat_activity a
JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
WHERE a.pid <> pg_catalog.pg_backend_pid()
  AND (r.rolname::text !~ '[^ -~]' OR pg_catalog.getdatabaseencoding() = 'UTF8')
GROUP BY r.rolname
