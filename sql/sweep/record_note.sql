-- Notes something under a name, $1, in the place of what was noted before: $2, in JSON.
WITH before AS (
    DELETE FROM :"state_schema".user_login_action a WHERE a.action = $1
)
INSERT INTO :"state_schema".user_login_action (happened_at, user_name, action, detail)
VALUES (pg_catalog.clock_timestamp(), '', $1::text, $2::text::jsonb)
