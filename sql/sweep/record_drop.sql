-- Records a drop, in the transaction that makes it. No row is changed where the role is no longer as it was judged: it may log
-- in again, was active, has a session or a member. $1 name, $2 oid, $3 the last activity that was judged, $4 detail.
WITH dropped AS (
    DELETE FROM :"state_schema".user_login_status s
    WHERE s.user_name = $1::text AND s.role_oid = $2::int8::oid AND s.last_login_time <= $3::timestamptz
      AND s.locked_at IS NOT NULL AND s.status <> 'Active'
      AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1::text AND r.oid = $2::int8::oid AND NOT r.rolcanlogin)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = $2::int8::oid)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = $2::int8::oid
                      AND coalesce((pg_catalog.to_jsonb(m) ->> 'inherit_option')::bool
                                   OR (pg_catalog.to_jsonb(m) ->> 'set_option')::bool, true))
    RETURNING s.user_name
)
INSERT INTO :"state_schema".user_login_action (happened_at, user_name, action, detail)
SELECT pg_catalog.clock_timestamp(), d.user_name, 'deleted', $4::text::jsonb FROM dropped d
