-- What a rotation needs to know of a pair, in one row, without provoking an error.
-- $1 the user to be set or tested; $2 its partner; $3 the shared role that the secret names, '' = none; $4 X of X_a and X_b, '' = not so named.
WITH server AS (
    SELECT pg_catalog.current_setting('server_version_num')::int AS version,
           coalesce(pg_catalog.current_setting('rds.restrict_password_commands', true), 'off') IN ('on', '1', 'true') AS restricted,
           CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END AS becoming
), known AS MATERIALIZED ( -- the roles whose names are told beforehand, read once: to plan a join with the view of roles costs more than to carry it out
    SELECT r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolreplication, r.rolcanlogin, r.rolconnlimit, r.rolvaliduntil
    FROM pg_catalog.pg_roles r
    WHERE r.rolname IN ($1::text, $2::text, $4::text, current_user)
), login_setting AS ( -- ALTER ROLE ... SET role = ...; one for this database wins over one for all. Of the two alone: in a setting of
    -- anybody else's a name may stand that this database's encoding does not have, over which substr fails
    SELECT DISTINCT ON (r.rolname) r.rolname AS member, pg_catalog.substr(c.setting, 6) AS role
    FROM pg_catalog.pg_db_role_setting s
    JOIN known r ON r.oid = s.setrole
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
    WHERE r.rolname IN ($1::text, $2::text) AND c.setting LIKE 'role=%'
      AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    ORDER BY r.rolname, s.setdatabase DESC
), becomes AS ( -- the roles that the two become when they log in
    SELECT (SELECT nullif(l.role, 'none') FROM login_setting l WHERE l.member = $1::text) AS target,
           (SELECT nullif(l.role, 'none') FROM login_setting l WHERE l.member = $2::text) AS partner
), shared AS ( -- X of X_a and X_b last: it may be a stranger's
    SELECT coalesce(nullif($3::text, ''), becomes.target, becomes.partner,
                    (SELECT r.rolname::text FROM known r WHERE r.rolname = $4::text)) AS name
    FROM becomes
), setting AS (
    SELECT s.name, s.setting, s.source FROM pg_catalog.pg_settings s WHERE s.name IN ('password_encryption', 'scram_iterations')
), setter AS ( -- the function that setup makes: found by its owner, who owns the schema and holds what it needs
    SELECT n.nspname AS schema
    FROM server, shared, pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace AND n.nspowner = p.proowner
    JOIN pg_catalog.pg_roles o ON o.oid = p.proowner AND o.rolname = n.nspname AND o.rolcreaterole AND NOT o.rolcanlogin
    WHERE p.proname = 'set_other_user' AND p.prosecdef
      AND p.pronargs = 2 AND p.proargtypes[0] = 'pg_catalog.text'::pg_catalog.regtype
      AND p.proargtypes[1] = 'pg_catalog.timestamptz'::pg_catalog.regtype
      AND pg_catalog.shobj_description(o.oid, 'pg_authid') = pg_catalog.json_build_object('role', shared.name, 'users',
              pg_catalog.json_build_array(least($1::text COLLATE "C", $2::text), greatest($1::text COLLATE "C", $2::text)))::text
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
      AND (server.version < 160000 OR 2 = (
          SELECT count(*) FROM known u
          WHERE u.rolname IN ($1::text, $2::text) AND pg_catalog.pg_has_role(o.oid, u.oid, 'MEMBER WITH ADMIN OPTION')))
      AND (NOT server.restricted OR pg_catalog.pg_has_role(o.oid, pg_catalog.to_regrole('rds_password'), 'MEMBER'))
)
SELECT server.version,
       pg_catalog.pg_is_in_recovery(),
       current_user::text,
       (SELECT s.setting FROM setting s WHERE s.name = 'password_encryption'),
       (SELECT s.source FROM setting s WHERE s.name = 'password_encryption'),
       coalesce((SELECT s.setting::int FROM setting s WHERE s.name = 'scram_iterations'), 0), -- PostgreSQL 16
       coalesce((SELECT s.source FROM setting s WHERE s.name = 'scram_iterations'), ''),
       server.restricted,
       coalesce(shared.name, ''),
       s.oid IS NOT NULL,
       coalesce((SELECT l.role FROM login_setting l WHERE l.member = $1::text), ''),
       coalesce((SELECT l.role FROM login_setting l WHERE l.member = $2::text), ''),
       t.oid IS NOT NULL,
       coalesce(t.rolcanlogin, false),
       coalesce(t.rolvaliduntil < pg_catalog.now(), false),
       CASE WHEN pg_catalog.isfinite(t.rolvaliduntil) THEN t.rolvaliduntil END,
       (SELECT r.rolvaliduntil FROM known r WHERE r.rolname = $2::text AND pg_catalog.isfinite(r.rolvaliduntil)),
       coalesce((SELECT r.rolname::text
                 FROM (SELECT k.oid, k.rolname, k.rolsuper FROM known k WHERE k.rolname IN ($1::text, $2::text)
                       UNION ALL SELECT s.oid, s.rolname, s.rolsuper) r
                 WHERE r.rolsuper OR pg_catalog.pg_has_role(r.oid, pg_catalog.to_regrole('rds_superuser'), 'MEMBER')
                 ORDER BY r.rolname = $1::text DESC, r.rolname LIMIT 1), ''),
       coalesce(pg_catalog.pg_has_role(t.oid, s.oid, server.becoming), false),
       coalesce(t.rolconnlimit <> 0 AND pg_catalog.has_database_privilege(t.oid, pg_catalog.current_database(), 'CONNECT'), true),
       coalesce(pg_catalog.pg_has_role(t.oid, pg_catalog.to_regrole('rds_iam'), 'MEMBER'), false),
       coalesce((SELECT setter.schema::text FROM setter), ''),
       -- may this session's role ALTER the user? (PostgreSQL 16 asks for ADMIN besides CREATEROLE)
       coalesce(CASE WHEN c.rolsuper THEN true
                     WHEN t.rolsuper THEN false
                     WHEN server.version < 160000 THEN c.rolcreaterole AND NOT t.rolreplication
                     ELSE c.rolcreaterole AND pg_catalog.pg_has_role(c.oid, t.oid, 'MEMBER WITH ADMIN OPTION') END, false),
       coalesce(pg_catalog.pg_has_role(c.oid, pg_catalog.to_regrole('rds_password'), 'MEMBER'), false),
       (SELECT count(*) FROM pg_catalog.pg_stat_get_activity(NULL) a WHERE a.usesysid = t.oid AND a.pid <> pg_catalog.pg_backend_pid()),
       coalesce((SELECT pg_catalog.pg_has_role(p.oid, s.oid, server.becoming) FROM known p WHERE p.rolname = $2::text), false)
FROM server
CROSS JOIN shared
JOIN known c ON c.rolname = current_user
LEFT JOIN pg_catalog.pg_roles s ON s.rolname = shared.name
LEFT JOIN known t ON t.rolname = $1::text
