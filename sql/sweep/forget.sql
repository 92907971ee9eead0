-- Takes away the rows of roles that are gone: dropped, or made again under the same name (another oid), or such as can no longer log in
-- though the sweep did not lock them.
DELETE FROM :"state_schema".user_login_status s
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r
                  WHERE r.rolname::text = s.user_name AND r.oid = coalesce(s.role_oid, r.oid)
                    AND (r.rolcanlogin OR s.locked_at IS NOT NULL))
