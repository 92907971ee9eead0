-- What the session's role finds of a pair that is to be closed: server_version_num, its own process, whether the shared role $1 has
-- CREATEROLE, and whether the schema $2 holds setup's function.
SELECT pg_catalog.current_setting('server_version_num')::int,
       pg_catalog.pg_backend_pid(),
       coalesce((SELECT r.rolcreaterole FROM pg_catalog.pg_roles r WHERE r.rolname = $1::text), false),
       EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = $2::text AND p.proname = 'set_other_user')
