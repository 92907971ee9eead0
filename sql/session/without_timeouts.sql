-- The first statement of a session: takes off what ends one that waits or takes long, which any role may set for itself.
-- transaction_timeout is of PostgreSQL 17.
SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', '0', false),
       pg_catalog.set_config('idle_session_timeout', '0', false),
       CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 170000
            THEN pg_catalog.set_config('transaction_timeout', '0', false) END
