-- Remembers what the role pgrotator.heir_oid lacks in this database for what it gets of the role pgrotator.leaver_oid: the oids of the
-- schemas of others that these objects are in (pgrotator.schemas), those of the foreign data wrappers of its servers
-- (pgrotator.wrappers), and whether it is CREATE on the database, for publications (pgrotator.creates).
DO $do$
DECLARE
    leaver pg_catalog.oid := pg_catalog.current_setting('pgrotator.leaver_oid');
    heir   pg_catalog.oid := pg_catalog.current_setting('pgrotator.heir_oid');
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    PERFORM set_config('pgrotator.schemas', ARRAY(
        SELECT DISTINCT n.oid
        FROM pg_shdepend s
        CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) AS i
        JOIN pg_namespace n ON i.schema = quote_ident(n.nspname)
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = leaver AND s.deptype = 'o' AND n.nspname !~ '^pg_' AND n.nspowner <> leaver
          AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
          AND NOT (has_schema_privilege(heir, n.oid, 'USAGE') AND has_schema_privilege(heir, n.oid, 'CREATE')))::text, false);
    PERFORM set_config('pgrotator.wrappers', ARRAY(
        SELECT DISTINCT f.srvfdw FROM pg_foreign_server f
        WHERE f.srvowner = leaver AND NOT has_foreign_data_wrapper_privilege(heir, f.srvfdw, 'USAGE'))::text, false);
    PERFORM set_config('pgrotator.creates', (
        EXISTS (SELECT FROM pg_publication p WHERE p.pubowner = leaver) AND NOT has_database_privilege(heir, d.oid, 'CREATE') AND d.datdba <> leaver)::text, false)
    FROM pg_database d WHERE d.datname = current_database();
END $do$;
