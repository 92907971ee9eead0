-- What sweeps have noted under a name, $1, as the latest of them has left it. What is longer than any of them is a stranger's.
SELECT coalesce((SELECT a.detail::text FROM :"state_schema".user_login_action a
                 WHERE a.action = $1 AND a.happened_at <= pg_catalog.clock_timestamp() AND pg_catalog.pg_column_size(a.detail) < 8388608
                 ORDER BY a.happened_at DESC LIMIT 1), '')
