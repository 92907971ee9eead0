-- Gives back what lend.sql has lent, the last first.
DO $do$
DECLARE
    lent oid[] := current_setting('pgrotator.lent')::oid[];
BEGIN
    FOR i IN REVERSE cardinality(lent) .. 1 LOOP
        EXECUTE format('REVOKE %s FROM %I', lent[i]::regrole, current_user);
    END LOOP;
END $do$;
