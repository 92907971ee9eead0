-- Which of the roles $1, just locked, can still log in on this instance: a reader learns of a lock when it has replayed it.
SELECT r.rolname::text FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($1::text[]) AND r.rolcanlogin
