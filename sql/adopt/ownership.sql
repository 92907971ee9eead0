-- Makes what the users own in this database, and databases and tablespaces, the shared role's. Temporary tables go along; default
-- privileges and user mappings do not (REASSIGN OWNED leaves them). With pgrotator.telling it only tells what they own.
DO $do$
DECLARE
    users   oid[] := current_setting('pgrotator.users')::oid[];
    shared  oid := current_setting('pgrotator.shared')::oid;
    here    oid := (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    owned   int := 0;
    tables  int;
    locks   int := current_setting('max_locks_per_transaction')::int * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int);
    lent    text[] := '{}';
    creates bool;
    item    record;
BEGIN
    FOR item IN
        SELECT s.refobjid AS owner, pg_describe_object(s.classid, s.objid, 0) AS object FROM pg_shdepend s
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY (users) AND s.deptype = 'o' AND s.dbid IN (0, here)
          AND s.classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass, 'pg_auth_members'::regclass)
          AND coalesce((pg_identify_object(s.classid, s.objid, 0)).schema, '') !~ '^pg_temp'
    LOOP
        owned := owned + 1;
        IF current_setting('pgrotator.telling', true) = 'on' THEN
            RAISE NOTICE 'lacking: %', regexp_replace(format('%s, which %s owns', item.object, item.owner::regrole), '[[:cntrl:]]', '?', 'g');
        END IF;
    END LOOP;
    IF owned = 0 OR current_setting('pgrotator.telling', true) = 'on' THEN
        RETURN;
    END IF;
    -- Each table, index and TOAST table is locked until the end: a server without room for these locks would fail its clients too.
    SELECT count(*) INTO tables FROM pg_class c WHERE c.relowner = ANY (users);
    IF tables > locks / 2 THEN
        RAISE EXCEPTION '%', regexp_replace(format('in database %I, the users own %s tables and indexes, and the server has room for %s locks in all', current_database(), tables, locks), '[[:cntrl:]]', '?', 'g')
            USING HINT = 'Raise max_locks_per_transaction, which takes a restart, or give the tables to the shared role in parts beforehand, by ALTER TABLE ... OWNER TO.';
    END IF;
    -- A new owner needs CREATE where its objects are, for the moment; the users may have had it no longer.
    FOR item IN
        SELECT DISTINCT n.oid, n.nspname FROM pg_shdepend s
        CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) AS i
        JOIN pg_namespace n ON i.schema = quote_ident(n.nspname)
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY (users) AND s.deptype = 'o' AND s.dbid = here
          AND n.nspname !~ '^pg_' AND n.nspowner <> ALL (users) AND NOT has_schema_privilege(shared, n.oid, 'CREATE')
    LOOP
        BEGIN
            EXECUTE format('GRANT CREATE ON SCHEMA %I TO %s', item.nspname, shared::regrole);
            lent := lent || item.nspname::text;
        EXCEPTION WHEN insufficient_privilege THEN NULL; -- REASSIGN OWNED tells where it is really needed: not for tables
        END;
    END LOOP;
    creates := EXISTS (SELECT FROM pg_publication p WHERE p.pubowner = ANY (users)) AND NOT has_database_privilege(shared, here, 'CREATE');
    IF creates THEN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO %s', current_database(), shared::regrole);
    END IF;
    -- The schemas first: who owns one may create in it.
    FOR item IN SELECT n.nspname FROM pg_namespace n WHERE n.nspowner = ANY (users) AND n.nspname !~ '^pg_' LOOP
        EXECUTE format('ALTER SCHEMA %I OWNER TO %s', item.nspname, shared::regrole);
    END LOOP;
    FOR item IN SELECT u.oid FROM unnest(users) AS u (oid) LOOP
        FOR attempt IN 1 .. 5 LOOP
            BEGIN
                EXECUTE format('REASSIGN OWNED BY %s TO %s', item.oid::regrole, shared::regrole);
                EXIT;
            EXCEPTION WHEN internal_error THEN -- could not open relation: a client has dropped it since the list was made
                IF attempt = 5 THEN
                    RAISE;
                END IF;
            END;
        END LOOP;
    END LOOP;
    FOR i IN 1 .. cardinality(lent) LOOP
        EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %s', lent[i], shared::regrole);
    END LOOP;
    IF creates THEN
        EXECUTE format('REVOKE CREATE ON DATABASE %I FROM %s', current_database(), shared::regrole);
    END IF;
    RAISE NOTICE 'changed: %', regexp_replace(format('in database %I, %s owns %s objects that the users owned', current_database(), shared::regrole, owned), '[[:cntrl:]]', '?', 'g');
END $do$;
