-- Hands a name to sql/setup.sql, for this session.
SELECT pg_catalog.set_config($1::text, $2::text, false)
