-- Whose sessions and other backends are open on this instance.
SELECT r.rolname::text, count(*)
FROM pg_catalog.pg_stat_activity a
JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
WHERE a.pid <> pg_catalog.pg_backend_pid()
GROUP BY r.rolname
