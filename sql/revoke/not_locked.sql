-- Which of the users $1 are not on this instance as the lock with VALID UNTIL $2 has left them: a reader learns of it when it has
-- replayed it.
SELECT r.rolname::text FROM pg_catalog.pg_roles r
WHERE r.rolname = ANY ($1::text[]) AND (r.rolcanlogin OR r.rolvaliduntil IS DISTINCT FROM $2::timestamptz)
