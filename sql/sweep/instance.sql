-- What one session tells of the instance it is on, first thing after its login: a session that lives through a reload has a load
-- time of its own. It also keeps the session from being ended while the log is read, and has the server notice within a minute when
-- the function is gone, so that its locks do not outlive it. Compiling the statement that reads 100,000 roles takes longer than
-- running it. Of the databases, those whose names a log cannot carry are left out, and rdsadmin, whose sessions RDS logs elsewhere.
-- Each has its oid, by which one that is dropped and made again is told from the one before.
SELECT pg_catalog.current_setting('server_version_num')::int,
       pg_catalog.pg_is_in_recovery(),
       current_user::text,
       pg_catalog.clock_timestamp(),
       pg_catalog.pg_postmaster_start_time(),
       pg_catalog.pg_conf_load_time(),
       pg_catalog.current_setting('log_connections'),
       pg_catalog.current_setting('log_min_messages'),
       pg_catalog.current_setting('log_line_prefix'),
       pg_catalog.current_setting('log_destination'),
       pg_catalog.current_setting('lc_messages'),
       (SELECT coalesce(pg_catalog.json_object_agg(d.datname, pg_catalog.json_build_object('oid', d.datid::int8, 'count', d.sessions)), '{}')::text
        FROM pg_catalog.pg_stat_database d
        WHERE d.datname::text !~ '[^ -~]' AND d.datname <> 'rdsadmin')
FROM (SELECT pg_catalog.set_config('jit', 'off', false),
             pg_catalog.set_config('idle_session_timeout', '0', false),
             pg_catalog.set_config('idle_in_transaction_session_timeout', '0', false),
             pg_catalog.set_config('tcp_keepalives_idle', '30', false),
             pg_catalog.set_config('tcp_keepalives_interval', '10', false),
             pg_catalog.set_config('tcp_keepalives_count', '3', false)) AS settings
