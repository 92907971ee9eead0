-- What setup left in this database. $1 and $2 the secret's pair.
-- The functions are found by their owner, who owns their schema and can be nobody's login; only such schemas' records count.
WITH owner AS (
    SELECT n.oid AS schema_oid, o.oid AS role_oid, o.rolname::text AS name, pg_catalog.shobj_description(o.oid, 'pg_authid') AS record
    FROM pg_catalog.pg_roles o
    LEFT JOIN pg_catalog.pg_namespace n ON n.nspowner = o.oid AND n.nspname = o.rolname -- in this database
    WHERE o.rolcreaterole AND NOT o.rolcanlogin AND o.rolname LIKE 'rotation\_%'
), own AS (
    SELECT * FROM owner
    WHERE record = pg_catalog.json_build_object('role', current_user::text, 'users',
              pg_catalog.json_build_array(least($1::text COLLATE "C", $2::text), greatest($1::text COLLATE "C", $2::text)))::text
)
SELECT coalesce((SELECT own.name FROM own), ''),
       coalesce((SELECT own.name FROM own
                 WHERE pg_catalog.has_schema_privilege(own.schema_oid, 'USAGE')
                   AND 3 = (SELECT count(*) FROM pg_catalog.pg_proc p
                            WHERE p.pronamespace = own.schema_oid AND p.proowner = own.role_oid AND p.prosecdef
                              AND p.proname IN ('lock_role', 'unlock_role', 'drop_role')
                              AND p.pronargs = 1 AND p.proargtypes[0] = 'pg_catalog.text'::pg_catalog.regtype
                              AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))), ''),
\ir ../setup/records.sql
