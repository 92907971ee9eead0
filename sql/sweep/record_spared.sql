-- Notes roles that were due and were left alone: $1 names, $2 what shows that they were active.
INSERT INTO :"state_schema".user_login_action (happened_at, user_name, action, detail)
SELECT pg_catalog.clock_timestamp(), s.name, 'spared', s.detail::jsonb
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS s (name, detail)
