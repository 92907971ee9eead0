-- Makes the user mappings of the users for the shared role too, which sees only its own, as PostgreSQL shows them to each user. The users keep
-- theirs, for sessions that are older. With pgrotator.telling it only tells what is lacking.
DO $do$
DECLARE
    users   oid[] := current_setting('pgrotator.users')::oid[];
    shared  oid := current_setting('pgrotator.shared')::oid;
    me      name := current_user;
    options text;
    item    record;
BEGIN
    FOR item IN
        SELECT DISTINCT ON (m.srvid) m.srvid, m.srvname, m.umuser, m.umid, f.srvowner FROM pg_user_mappings m JOIN pg_foreign_server f ON f.oid = m.srvid
        WHERE m.umuser = ANY (users) AND NOT EXISTS (SELECT FROM pg_user_mappings o WHERE o.srvid = m.srvid AND o.umuser = shared)
        ORDER BY m.srvid, array_position(users, m.umuser)
    LOOP
        IF current_setting('pgrotator.telling', true) = 'on' THEN
            RAISE NOTICE 'lacking: %', regexp_replace(format('a user mapping for server %I, which %s has', item.srvname, item.umuser::regrole), '[[:cntrl:]]', '?', 'g');
            CONTINUE;
        END IF;
        EXECUTE format('SET LOCAL ROLE %s', item.umuser::regrole);
        IF NOT has_server_privilege(item.srvid, 'USAGE') THEN
            EXECUTE format('SET LOCAL ROLE %I', me);
            CONTINUE; -- the mapping lets the user do nothing
        END IF;
        SELECT coalesce(string_agg(format('%I %L', o.option_name, o.option_value), ', '), '') INTO options
        FROM pg_user_mappings m, pg_options_to_table(m.umoptions) AS o WHERE m.umid = item.umid;
        IF item.srvowner <> ALL (users) THEN
            EXECUTE format('SET LOCAL ROLE %s', shared::regrole);
        END IF;
        EXECUTE format('CREATE USER MAPPING FOR %s SERVER %I OPTIONS (%s)', shared::regrole, item.srvname, options);
        EXECUTE format('SET LOCAL ROLE %I', me);
        RAISE NOTICE 'changed: %', regexp_replace(format('in database %I, made the user mapping of %s for server %I for %s too', current_database(), item.umuser::regrole, item.srvname, shared::regrole), '[[:cntrl:]]', '?', 'g');
    END LOOP;
END $do$;
