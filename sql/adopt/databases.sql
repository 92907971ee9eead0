-- The databases in which the users $1 (oids) own or were granted something, with whether they accept connections.
SELECT d.datname::text, d.datallowconn
FROM pg_catalog.pg_database d
WHERE d.datname <> pg_catalog.current_database()
  AND EXISTS (SELECT FROM pg_catalog.pg_shdepend s
              WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = ANY ($1::text::oid[]) AND s.dbid = d.oid)
ORDER BY d.datname
