-- Records that LOGIN was given back, in the transaction that does it. $1 name, $2 oid, $3 the latest activity known, $4 detail.
WITH unlocked AS (
    UPDATE :"state_schema".user_login_status s
    SET status = 'Active', status_changed_at = pg_catalog.clock_timestamp(), locked_at = NULL,
        last_login_time = greatest(s.last_login_time, $3::timestamptz),
        last_login_source = CASE WHEN $3::timestamptz > s.last_login_time THEN 'session' ELSE s.last_login_source END
    WHERE s.user_name = $1::text AND s.role_oid = $2::int8::oid AND s.locked_at IS NOT NULL
      AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1::text AND r.oid = $2::int8::oid)
    RETURNING s.user_name
)
INSERT INTO :"state_schema".user_login_action (happened_at, user_name, action, detail)
SELECT pg_catalog.clock_timestamp(), u.user_name, 'unlocked', $4::text::jsonb FROM unlocked u
