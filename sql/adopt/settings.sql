-- Gives the other user of an adopted pair the settings of the AWSCURRENT user that it has none of: PostgreSQL takes them from whoever logs
-- in. A list is put into force for the moment and stored from there, since ALTER ROLE would take its text for a single element.
BEGIN;
\ir session.sql
\ir ../setup/names.sql
DO $do$
DECLARE
    username text := current_setting('pgrotator.username');
    partner  text := current_setting('pgrotator.partner');
    here     oid := (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    act      text;
    listed   bool;
    item     record;
BEGIN
    FOR item IN
        SELECT s.setdatabase, d.datname, c.name, substr(c.setting, length(c.name) + 2) AS value
        FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole AND r.rolname = username LEFT JOIN pg_database d ON d.oid = s.setdatabase
        CROSS JOIN LATERAL (SELECT split_part(u.setting, '=', 1), u.setting FROM unnest(s.setconfig) AS u (setting)) AS c (name, setting)
        WHERE NOT (c.name = 'role' AND s.setdatabase IN (0, here))
          AND NOT EXISTS (SELECT FROM pg_db_role_setting o JOIN pg_roles p ON p.oid = o.setrole AND p.rolname = partner, unnest(o.setconfig) AS k
                          WHERE o.setdatabase = s.setdatabase AND split_part(k, '=', 1) = c.name)
    LOOP
        act := format('ALTER ROLE %I %sSET %I ', partner, CASE WHEN item.datname IS NULL THEN '' ELSE format('IN DATABASE %I ', item.datname) END, item.name);
        listed := item.name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries');
        act := act || CASE WHEN listed THEN 'FROM CURRENT' ELSE format('TO %L', item.value) END;
        BEGIN
            IF listed THEN
                PERFORM pg_catalog.set_config(item.name, item.value, true);
            END IF;
            EXECUTE act;
            PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            RAISE NOTICE 'changed: %', regexp_replace(format('gave %I the setting %I of %I', partner, item.name, username), '[[:cntrl:]]', '?', 'g');
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'left: %', regexp_replace(format('%I has no setting %I as %I has: %s', partner, item.name, username, SQLERRM), '[[:cntrl:]]', '?', 'g');
        END;
    END LOOP;
END $do$;
COMMIT;
