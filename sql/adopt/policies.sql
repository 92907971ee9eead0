-- Puts the shared role in the place of the users in row policies. With pgrotator.telling it only tells those that do not name it.
DO $do$
DECLARE
    users  oid[] := current_setting('pgrotator.users')::oid[];
    shared oid := current_setting('pgrotator.shared')::oid;
    item   record;
BEGIN
    FOR item IN
        SELECT p.polname, p.polrelid::regclass AS on_table, p.polroles,
               (SELECT string_agg(DISTINCT CASE WHEN r = ANY (users) THEN shared::regrole ELSE r::regrole END::text, ', ') FROM unnest(p.polroles) AS r) AS roles
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        WHERE p.polroles && users AND c.relpersistence <> 't' ORDER BY p.polrelid
    LOOP
        IF current_setting('pgrotator.telling', true) = 'on' THEN
            IF NOT EXISTS (SELECT FROM unnest(item.polroles) AS r WHERE shared <> 0 AND pg_has_role(shared, r, 'USAGE')) THEN
                RAISE NOTICE 'lacking: %', regexp_replace(format('the row policy %I on table %s', item.polname, item.on_table), '[[:cntrl:]]', '?', 'g');
            END IF;
            CONTINUE;
        END IF;
        EXECUTE format('ALTER POLICY %I ON %s TO %s', item.polname, item.on_table, item.roles);
        RAISE NOTICE 'changed: %', regexp_replace(format('in database %I, row policy %I on table %s is for %s', current_database(), item.polname, item.on_table, item.roles), '[[:cntrl:]]', '?', 'g');
    END LOOP;
END $do$;
