-- What the session's role finds of a pair that is to be closed: server_version_num, its own process, and whether the
-- schema $1 holds setup's function.
SELECT pg_catalog.current_setting('server_version_num')::int,
       pg_catalog.pg_backend_pid(),
       EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = $1::text AND p.proname = 'set_other_user')
