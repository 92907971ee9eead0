-- Notes what notices have told by now, $1, in the place of what was noted before.
WITH before AS (
    DELETE FROM :"state_schema".user_login_action a WHERE a.action = 'notice'
)
INSERT INTO :"state_schema".user_login_action (happened_at, user_name, action, detail)
VALUES (pg_catalog.clock_timestamp(), '', 'notice', $1::text::jsonb)
