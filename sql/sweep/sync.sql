-- Gives each role that can log in a row, and each row the oid of its role. A role that had no row starts anew.
-- To look for the rows first would be a nested loop, of minutes for 100,000 roles, until autovacuum has been at pg_authid.
WITH known AS (
    UPDATE :"state_schema".user_login_status s
    SET role_oid = r.oid
    FROM pg_catalog.pg_roles r
    WHERE r.rolname::text = s.user_name AND s.role_oid IS NULL
)
INSERT INTO :"state_schema".user_login_status (user_name, role_oid)
SELECT r.rolname::text, r.oid FROM pg_catalog.pg_roles r
WHERE r.rolcanlogin
ON CONFLICT (user_name) DO NOTHING
