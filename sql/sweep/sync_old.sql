-- As sync.sql does, in tables with the columns of version 1.0.
WITH role AS (
    SELECT r.oid, r.rolname::text AS name, r.rolcanlogin FROM pg_catalog.pg_roles r
), gone AS (
    DELETE FROM :"state_schema".user_login_status s
    WHERE NOT EXISTS (SELECT FROM role r WHERE r.name = s.user_name
                      AND (r.rolcanlogin OR s.locked_at IS NOT NULL AND r.oid = coalesce(s.role_oid, r.oid)))
), renewed AS (
    UPDATE :"state_schema".user_login_status s
    SET role_oid = r.oid,
        last_login_time = CASE WHEN s.role_oid IS NULL THEN s.last_login_time ELSE pg_catalog.now() END,
        status = CASE WHEN s.role_oid IS NULL THEN s.status ELSE 'Active' END,
        status_changed_at = CASE WHEN s.role_oid IS NULL THEN s.status_changed_at ELSE pg_catalog.now() END,
        locked_at = CASE WHEN s.role_oid IS NULL THEN s.locked_at END
    FROM role r
    WHERE r.name = s.user_name AND s.role_oid IS DISTINCT FROM r.oid
      AND (r.rolcanlogin OR s.role_oid IS NULL AND s.locked_at IS NOT NULL)
)
INSERT INTO :"state_schema".user_login_status (user_name, role_oid)
SELECT r.name, r.oid FROM role r
WHERE r.rolcanlogin AND NOT EXISTS (SELECT FROM :"state_schema".user_login_status s WHERE s.user_name = r.name)
ON CONFLICT (user_name) DO NOTHING
