-- Ends the session of process $1.
SELECT pg_catalog.pg_terminate_backend($1::int)
