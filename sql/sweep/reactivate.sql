-- Takes note that somebody else let roles log in again that the sweep had locked: they begin anew. $1 names, $2 oids.
WITH reactivated AS (
    UPDATE :"state_schema".user_login_status s
    SET status = 'Active', status_changed_at = pg_catalog.now(), last_login_time = pg_catalog.now(), last_login_source = 'unlocked', locked_at = NULL
    FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::int8[])) AS a (name, oid)
    JOIN pg_catalog.pg_roles r ON r.rolname = a.name AND r.oid = a.oid::oid AND r.rolcanlogin
    WHERE s.user_name = a.name AND s.role_oid = r.oid
    RETURNING s.user_name
)
INSERT INTO :"state_schema".user_login_action (happened_at, user_name, action, detail)
SELECT pg_catalog.clock_timestamp(), a.user_name, 'reactivated', '{"reason": "the role may log in again"}' FROM reactivated a
