-- Lets the next sweep begin. The session's end would do it too, but only once the server has noticed that end.
SELECT pg_catalog.pg_advisory_unlock(31638943013627248)
