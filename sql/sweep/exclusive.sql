-- Lets one sweep at a time work in this database; the key is the ASCII of "pgsweep". It falls with the session.
SELECT pg_catalog.pg_try_advisory_lock(31638943013627248)
