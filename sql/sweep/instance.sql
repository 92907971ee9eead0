-- What one session tells of the instance it is on. It also keeps the session from being ended while the log is read, and has
-- the server notice within a minute when the function is gone, so that its advisory lock does not outlive it. Compiling the
-- statement that reads 100,000 roles takes longer than running it.
SELECT pg_catalog.current_setting('server_version_num')::int,
       pg_catalog.pg_is_in_recovery(),
       current_user::text,
       pg_catalog.clock_timestamp(),
       pg_catalog.current_setting('log_connections'),
       pg_catalog.current_setting('log_min_messages')
FROM (SELECT pg_catalog.set_config('jit', 'off', false),
             pg_catalog.set_config('idle_session_timeout', '0', false),
             pg_catalog.set_config('tcp_keepalives_idle', '30', false),
             pg_catalog.set_config('tcp_keepalives_interval', '10', false),
             pg_catalog.set_config('tcp_keepalives_count', '3', false)) AS settings
