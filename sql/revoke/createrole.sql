-- Which of the roles $1 have CREATEROLE.
SELECT r.rolname::text FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($1::text[]) AND r.rolcreaterole
