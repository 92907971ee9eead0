-- Which of the roles $1 (oids) have a member that inherits from them or may become them. Up to PostgreSQL 15 every member does;
-- from 16 on ADMIN alone gives neither.
SELECT DISTINCT m.roleid::int8
FROM pg_catalog.pg_auth_members m
WHERE m.roleid = ANY ($1::int8[]::oid[])
  AND coalesce((pg_catalog.to_jsonb(m) ->> 'inherit_option')::bool OR (pg_catalog.to_jsonb(m) ->> 'set_option')::bool, true)
