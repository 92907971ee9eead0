-- Reads a value that a script of setup left for this session; '' = none.
SELECT coalesce(pg_catalog.current_setting($1::text, true), '')
