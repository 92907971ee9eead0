-- The pair's own part of setup, in a transaction of its own: shared role, users, owner role, schema and functions.
BEGIN;
\ir names.sql

-- The shared role and its two users.
DO $do$
DECLARE
    username text := current_setting('pgrotator.username');
    partner  text := current_setting('pgrotator.partner');
    shared   text := current_setting('pgrotator.role');
    verifier text := coalesce(current_setting('pgrotator.verifier', true), '');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = shared) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', shared);
        RAISE NOTICE 'changed: created role %', quote_ident(shared);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = username) THEN
        IF verifier = '' THEN
            RAISE EXCEPTION 'role % does not exist', quote_ident(username)
                USING HINT = format('CREATE ROLE %I LOGIN, then set the password that the secret holds: \password %I', username, username);
        END IF;
        EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L VALID UNTIL ''infinity''', username, verifier);
        RAISE NOTICE 'changed: created role % with the password of the secret', quote_ident(username);
    ELSIF verifier <> '' THEN
        EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L VALID UNTIL ''infinity''', username, verifier);
        RAISE NOTICE 'changed: set the password of % to that of the secret', quote_ident(username);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = partner) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', partner);
        RAISE NOTICE 'changed: created role %, which cannot log in until its first rotation', quote_ident(partner);
    END IF;
END $do$;

-- Both become the shared role when they log in.
DO $do$
DECLARE
    shared   text := current_setting('pgrotator.role');
    becomes  text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    username text;
BEGIN
    FOREACH username IN ARRAY ARRAY[current_setting('pgrotator.username'), current_setting('pgrotator.partner')] LOOP
        IF NOT pg_has_role(username, shared, becomes) THEN
            EXECUTE format('GRANT %I TO %I', shared, username);
            RAISE NOTICE 'changed: granted % to %', quote_ident(shared), quote_ident(username);
        END IF;
        IF NOT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
                       WHERE r.rolname = username AND s.setdatabase = 0 AND 'role=' || shared = ANY (s.setconfig)) THEN
            EXECUTE format('ALTER ROLE %I SET role = %L', username, shared);
            RAISE NOTICE 'changed: % becomes % when it logs in', quote_ident(username), quote_ident(shared);
        END IF;
        IF EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c
                   WHERE r.rolname = username AND d.datname = current_database() AND c LIKE 'role=%' AND c <> 'role=' || shared) THEN
            EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET role', username, current_database());
            RAISE NOTICE 'changed: % becomes no other role in database %', quote_ident(username), quote_ident(current_database());
        END IF;
    END LOOP;
END $do$;

-- The owner role: it may set the pair and close roles, and nobody can become it.
DO $do$
DECLARE
    owner text := current_setting('pgrotator.owner');
    o     pg_roles;
BEGIN
    SELECT * INTO o FROM pg_roles WHERE rolname = owner;
    IF NOT FOUND THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN CREATEROLE', owner);
        RAISE NOTICE 'changed: created role %, which owns the functions of the pair', quote_ident(owner);
    ELSIF o.rolcanlogin OR NOT o.rolcreaterole OR o.rolsuper OR EXISTS (
        -- Whatever its options: from 16 on ADMIN alone, which a role's maker has, is enough to take the others.
        SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
        WHERE m.roleid = o.oid AND r.rolname <> current_user AND NOT r.rolsuper
          AND NOT EXISTS (SELECT FROM pg_roles g WHERE g.rolname = 'rds_superuser' AND pg_has_role(r.oid, g.oid, 'MEMBER'))) THEN
        RAISE EXCEPTION 'role % exists and is not as setup makes it: NOLOGIN CREATEROLE, with no members', quote_ident(owner)
            USING HINT = 'Somebody else made or changed it: find out who, then drop it and run setup again.';
    END IF;
    -- The record of the pair stands in the role's comment, which every database of the cluster sees.
    IF shobj_description(to_regrole(quote_ident(owner)), 'pg_authid') IS DISTINCT FROM current_setting('pgrotator.record') THEN
        IF shobj_description(to_regrole(quote_ident(owner)), 'pg_authid') IS NOT NULL THEN
            RAISE EXCEPTION 'role % serves another pair: %', quote_ident(owner), shobj_description(to_regrole(quote_ident(owner)), 'pg_authid')
                USING HINT = 'One shared role serves one pair: sql/teardown.sql removes what setup made for it.';
        END IF;
        EXECUTE format('COMMENT ON ROLE %I IS %L', owner, current_setting('pgrotator.record'));
    END IF;
END $do$;

-- What the owner role holds: from PostgreSQL 16 on, ADMIN on the pair; and rds_password where RDS restricts password commands.
DO $do$
DECLARE
    owner   text := current_setting('pgrotator.owner');
    granted text;
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        FOREACH granted IN ARRAY ARRAY[current_setting('pgrotator.username'), current_setting('pgrotator.partner')] LOOP
            IF NOT pg_has_role(owner, granted, 'MEMBER WITH ADMIN OPTION') THEN
                EXECUTE format('GRANT %I TO %I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', granted, owner);
                RAISE NOTICE 'changed: granted ADMIN on % to %', quote_ident(granted), quote_ident(owner);
            END IF;
        END LOOP;
    END IF;
    IF coalesce(current_setting('rds.restrict_password_commands', true), 'off') IN ('on', '1', 'true')
       AND EXISTS (SELECT FROM pg_roles g WHERE g.rolname = 'rds_password' AND NOT pg_has_role(owner, g.oid, 'MEMBER')) THEN
        EXECUTE format('GRANT rds_password TO %I', owner);
        RAISE NOTICE 'changed: granted rds_password to %', quote_ident(owner);
    END IF;
END $do$;

-- The schema of the functions. The master becomes the owner role until the end.
DO $do$
DECLARE
    owner  text := current_setting('pgrotator.owner');
    holder text;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', owner)
            || CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
    END IF;
    SELECT r.rolname INTO holder FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = owner;
    IF NOT FOUND THEN
        EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', owner, owner);
        RAISE NOTICE 'changed: created schema %', quote_ident(owner);
    ELSIF holder <> owner THEN
        RAISE EXCEPTION 'schema % belongs to %, not to the role of its own name', quote_ident(owner), quote_ident(holder)
            USING HINT = 'Somebody else made it: look into it, drop it and run setup again.';
    END IF;
    EXECUTE format('SET LOCAL ROLE %I', owner);
END $do$;

-- The functions: columns 1 to 4 are name, arguments, result and whether the shared role may call it; column 5 whether only the
-- sweep needs it. Each re-checks whom it is asked to change, since whoever is the shared role may call it with any name.
DO $do$
DECLARE
    owner    text := current_setting('pgrotator.owner');
    shared   text := current_setting('pgrotator.role');
    username text := current_setting('pgrotator.username');
    partner  text := current_setting('pgrotator.partner');
    first    text := least(username COLLATE "C", partner);
    second   text := greatest(username COLLATE "C", partner);
    made     record;
    before   text;
    stranger text;
BEGIN
    IF NOT has_schema_privilege(shared, owner, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', owner, shared);
    END IF;
    FOR made IN VALUES
        ('set_other_user', 'verifier text, valid_until timestamptz', 'text', true, false, format($body$
DECLARE
    other name := CASE session_user WHEN %1$L THEN %2$L WHEN %2$L THEN %1$L END;
BEGIN
    IF other IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'only the two users of the pair set each other';
    END IF;
    -- Anything else would be stored as a plaintext password, without an error.
    IF verifier IS NULL OR valid_until IS NULL
       OR verifier !~ '^SCRAM-SHA-256\$[1-9][0-9]{0,8}:([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$'
          AND verifier !~ '^md5[0-9a-f]{32}$' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'expected a whole SCRAM-SHA-256 or md5 verifier, and until when it is valid';
    END IF;
    EXECUTE format('ALTER ROLE %%I LOGIN PASSWORD %%L VALID UNTIL %%L', other, verifier, valid_until);
    RETURN other;
END $body$, first, second)),
        ('refuse_unless_closable', 'target text', 'void', false, true, format($body$
DECLARE
    t      pg_roles;
    record text;
    paired bool := false;
BEGIN
    SELECT * INTO t FROM pg_roles WHERE rolname = target;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('role %%I does not exist', target);
    END IF;
    FOR record IN
        SELECT d.record FROM pg_roles o, shobj_description(o.oid, 'pg_authid') AS d (record)
        WHERE o.rolcreaterole AND NOT o.rolcanlogin AND o.rolname LIKE 'rotation\_%%' AND d.record IS NOT NULL
    LOOP
        BEGIN
            paired := paired OR coalesce(record::jsonb ->> 'role' = target OR record::jsonb -> 'users' ? target, false);
        EXCEPTION WHEN data_exception THEN NULL; -- no record of setup's
        END;
    END LOOP;
    IF paired OR t.rolsuper OR target ~ '^(pg_|rds|rotation_)' OR target IN (%1$L, %2$L, %3$L, %4$L, %5$L) THEN
        RAISE insufficient_privilege USING MESSAGE = format('role %%I is not one that the sweep may close', target);
    END IF;
END $body$, current_setting('pgrotator.master'), first, second, shared, owner)),
        ('lock_role', 'target text', 'void', true, true, format($body$
BEGIN
    PERFORM %1$I.refuse_unless_closable(target);
    EXECUTE format('ALTER ROLE %%I NOLOGIN', target);
END $body$, owner)),
        ('unlock_role', 'target text', 'void', true, true, format($body$
BEGIN
    PERFORM %1$I.refuse_unless_closable(target);
    EXECUTE format('ALTER ROLE %%I LOGIN', target);
END $body$, owner)),
        ('drop_role', 'target text', 'void', true, true, format($body$
BEGIN
    PERFORM %1$I.refuse_unless_closable(target);
    EXECUTE format('DROP ROLE %%I', target);
END $body$, owner))
    LOOP
        before := (SELECT row(p.prosrc, p.prosecdef, p.proconfig, p.proacl)::text FROM pg_proc p
                   WHERE p.pronamespace = to_regnamespace(quote_ident(owner)) AND p.proname = made.column1);
        IF made.column5 AND current_setting('pgrotator.closes') = 'off' THEN
            IF before IS NOT NULL THEN
                EXECUTE format('DROP FUNCTION %I.%I(text)', owner, made.column1);
                RAISE NOTICE 'changed: dropped function %.%', quote_ident(owner), made.column1;
            END IF;
            CONTINUE;
        END IF;
        EXECUTE format('CREATE OR REPLACE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L',
            owner, made.column1, made.column2, made.column3, made.column6);
        FOR stranger IN
            SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
            FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
            WHERE p.pronamespace = to_regnamespace(quote_ident(owner)) AND p.proname = made.column1
              AND a.grantee <> p.proowner AND NOT (made.column4 AND a.grantee = to_regrole(quote_ident(shared)))
        LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %I.%I FROM %s', owner, made.column1, stranger);
        END LOOP;
        IF made.column4 THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %I.%I TO %I', owner, made.column1, shared);
        END IF;
        IF before IS DISTINCT FROM (SELECT row(p.prosrc, p.prosecdef, p.proconfig, p.proacl)::text FROM pg_proc p
                                    WHERE p.pronamespace = to_regnamespace(quote_ident(owner)) AND p.proname = made.column1) THEN
            RAISE NOTICE 'changed: % function %.%', CASE WHEN before IS NULL THEN 'created' ELSE 'mended' END, quote_ident(owner), made.column1;
        END IF;
    END LOOP;
END $do$;

-- The master lets go of the owner role.
RESET ROLE;
DO $do$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('REVOKE %I FROM CURRENT_USER', current_setting('pgrotator.owner'));
    END IF;
END $do$;
COMMIT;
