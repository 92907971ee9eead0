-- Records a lock, in the transaction that makes it. No row is changed where the role, its row or its sessions are no longer as
-- they were when it was judged. $1 name, $2 oid, $3 the last activity that was judged, $4 detail.
WITH locked AS (
    UPDATE :"state_schema".user_login_status s
    SET status = 'Locked', status_changed_at = pg_catalog.clock_timestamp(), locked_at = pg_catalog.clock_timestamp()
    WHERE s.user_name = $1::text AND s.role_oid = $2::int8::oid AND s.last_login_time <= $3::timestamptz AND s.locked_at IS NULL
      AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1::text AND r.oid = $2::int8::oid AND r.rolcanlogin)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = $2::int8::oid)
    RETURNING s.user_name
)
INSERT INTO :"state_schema".user_login_action (happened_at, user_name, action, detail)
SELECT pg_catalog.clock_timestamp(), l.user_name, 'locked', $4::text::jsonb FROM locked l
