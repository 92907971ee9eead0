-- Whose schema $1 is, and whether its owner could do the sweep no harm: they may drop any table in it and make another. Such are $2,
-- the owner role, $3, the master, whoever holds ADMIN on the owner role (who made it), superusers and what RDS has in their place.
SELECT r.rolname::text,
       coalesce(h.rolname IN ($2::text, $3::text) OR h.rolsuper
                OR EXISTS (SELECT FROM pg_catalog.pg_roles g WHERE g.rolname = 'rds_superuser' AND pg_catalog.pg_has_role(h.oid, g.oid, 'MEMBER'))
                OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles o ON o.oid = m.roleid
                           WHERE o.rolname = $2::text AND m.member = h.oid AND m.admin_option), false)
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
LEFT JOIN pg_catalog.pg_database d ON r.rolname = 'pg_database_owner' AND d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_roles h ON h.oid = coalesce(d.datdba, r.oid)
WHERE n.nspname = $1::text
