-- The first statement of a session: takes off what any role may set for itself, and a database's owner for all in it, that ends a session
-- which waits or takes long, or makes whoever creates a role a member of it. transaction_timeout is of PostgreSQL 17,
-- createrole_self_grant of 16.
SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', '0', false),
       pg_catalog.set_config('idle_session_timeout', '0', false),
       CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 170000
            THEN pg_catalog.set_config('transaction_timeout', '0', false) END,
       CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000
            THEN pg_catalog.set_config('createrole_self_grant', '', false) END
