-- What notices have told, as the latest of them has left it.
SELECT coalesce((SELECT a.detail::text FROM :"state_schema".user_login_action a
                 WHERE a.action = 'notice' AND a.happened_at <= pg_catalog.clock_timestamp() ORDER BY a.happened_at DESC LIMIT 1), '')
