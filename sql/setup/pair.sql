-- The pair's own part of setup, in a transaction of its own: shared role, users, owner role, schema and functions.
BEGIN;
\ir names.sql

-- What bears the owner role's name already counts as setup's only where it carries the record of this pair and holds and owns what
-- setup gives it, and nothing else: whoever made it could otherwise have kept a door to it. From PostgreSQL 16 on only ADMIN on the
-- pair makes the record count, which nobody can give who has it not; before, any CREATEROLE role can write one.
DO $do$
DECLARE
    owner    text := current_setting('pgrotator.owner');
    username text := current_setting('pgrotator.username');
    modern   bool := current_setting('server_version_num')::int >= 160000;
    o        pg_roles;
    maker    text; -- told by the row that CREATE ROLE leaves, from 16 on, until the maker is dropped
    contents text;
    fault    text;
    holder   pg_roles;
BEGIN
    SELECT r.* INTO holder FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = owner;
    IF holder.rolname <> owner THEN
        RAISE EXCEPTION 'schema % belongs to %, not to the role of its own name', quote_ident(owner), quote_ident(holder.rolname)
            USING DETAIL = format('It holds %s relations and %s functions.', (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(owner))),
                                  (SELECT count(*) FROM pg_proc WHERE pronamespace = to_regnamespace(quote_ident(owner)))),
                  HINT = format('Look into it; its owner, or a superuser, can DROP SCHEMA %I CASCADE, or ALTER SCHEMA %I RENAME TO another name. Then run setup again.', owner, owner);
    END IF;
    SELECT * INTO o FROM pg_roles WHERE rolname = owner;
    IF NOT FOUND THEN
        PERFORM set_config('pgrotator.recorded', 'off', true);
        RETURN;
    END IF;
    SELECT b.rolname INTO maker FROM pg_auth_members m JOIN pg_roles b ON b.oid = m.member
    WHERE modern AND m.roleid = o.oid AND m.grantor = 10 AND m.admin_option LIMIT 1;
    SELECT string_agg(DISTINCT CASE WHEN s.dbid IN (0, d.oid) THEN pg_describe_object(s.classid, s.objid, s.objsubid)
                                    ELSE 'something in database ' || quote_ident(x.datname) END, ', ')
    INTO contents
    FROM pg_shdepend s JOIN pg_database d ON d.datname = current_database() LEFT JOIN pg_database x ON x.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = o.oid AND s.deptype = 'o'
      AND NOT (s.dbid = d.oid AND (
          s.classid = 'pg_namespace'::regclass
          OR s.classid = 'pg_proc'::regclass AND EXISTS (
              SELECT FROM pg_proc p WHERE p.oid = s.objid AND p.pronamespace = to_regnamespace(quote_ident(owner))
                 AND (p.proname = 'set_other_user' AND pg_get_function_identity_arguments(p.oid) = 'verifier text, valid_until timestamp with time zone'
                      OR p.proname IN ('refuse_unless_closable', 'lock_role', 'unlock_role', 'drop_role') AND pg_get_function_identity_arguments(p.oid) = 'target text'))
          OR s.classid = 'pg_class'::regclass AND EXISTS (
              SELECT FROM pg_class c WHERE c.oid = s.objid AND c.relkind = 'r' AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action'))));
    fault := concat_ws(', ',
        CASE WHEN o.rolcanlogin OR NOT o.rolcreaterole OR o.rolsuper OR o.rolcreatedb OR o.rolreplication OR o.rolbypassrls
             THEN 'its attributes are not NOLOGIN CREATEROLE alone' END,
        -- Whatever its options: from 16 on ADMIN alone, which a role's maker has, is enough to take the others.
        (SELECT 'its members are ' || string_agg(DISTINCT quote_ident(r.rolname), ', ') FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
         WHERE m.roleid = o.oid AND r.rolname <> current_user AND NOT r.rolsuper
           AND NOT EXISTS (SELECT FROM pg_roles g WHERE g.rolname = 'rds_superuser' AND pg_has_role(r.oid, g.oid, 'MEMBER'))
         HAVING count(*) > 0),
        'it owns ' || contents,
        CASE WHEN shobj_description(o.oid, 'pg_authid') IS NULL THEN 'it carries no record of setup'
             WHEN shobj_description(o.oid, 'pg_authid') <> current_setting('pgrotator.record')
             THEN 'its record is ' || quote_literal(shobj_description(o.oid, 'pg_authid')) END,
        CASE WHEN modern AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = username)
                  AND NOT pg_has_role(o.oid, username, 'MEMBER WITH ADMIN OPTION')
             THEN format('it does not hold ADMIN on %I', username)
             WHEN modern AND maker IS DISTINCT FROM current_user AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = username)
             THEN 'the pair does not exist and the master did not make it' END);
    IF fault <> '' THEN
        RAISE EXCEPTION 'role % exists and is not as setup makes it: %', quote_ident(owner), fault
            USING DETAIL = CASE WHEN maker IS NOT NULL THEN format('It was made by %I.', maker)
                                WHEN modern THEN 'It was made by a superuser, or by a role that is gone.'
                                ELSE 'Who made it is not recorded before PostgreSQL 16.' END,
                  HINT = format('Look into it. In each database where it owns something: DROP OWNED BY %1$I; then DROP ROLE %1$I, and run setup again. '
                                'What an earlier setup made in another database is taken back there by sql/teardown.sql. %2$s', owner,
                                CASE WHEN NOT modern OR maker = current_user THEN ''
                                     WHEN maker IS NOT NULL THEN format('From 16 on it takes %I, who holds ADMIN on it, or a superuser; ', maker)
                                     ELSE 'From 16 on it takes a superuser (on RDS, AWS Support), since nobody else holds ADMIN on it; ' END
                                || CASE WHEN NOT modern OR maker = current_user THEN '' ELSE 'else give the pair another shared role, in the secret''s key "role".' END);
    END IF;
    PERFORM set_config('pgrotator.recorded', 'on', true);
END $do$;

\ir carried.sql
-- Without a record, or an adoption, which looks at both by itself, nobody is taken over whom somebody else may have made: the shared role counts where the user becomes it at login,
-- which only the user and its administrators can arrange; the partner where it does too and both bear the shared role's name, or with
-- the comment of whoever administers it. From 16 on a record vouches for no more than who made it could give: for a partner on whom the
-- owner role holds ADMIN, and for a shared role that has one of the pair as a member. A maker who has dropped the helper that made the
-- owner role for him can otherwise not be told from a superuser.
DO $do$
DECLARE
    username text := current_setting('pgrotator.username');
    partner  text := current_setting('pgrotator.partner');
    shared   text := current_setting('pgrotator.role');
    modern   bool := current_setting('server_version_num')::int >= 160000;
    recorded bool := current_setting('pgrotator.recorded') = 'on';
    power    text := CASE WHEN modern THEN 'SET' ELSE 'MEMBER' END;
    becoming text[] := ARRAY(
        SELECT r.rolname::text FROM pg_roles r JOIN pg_roles x ON x.rolname = shared AND pg_has_role(r.oid, x.oid, power)
        WHERE r.rolname IN (username, partner)
          AND EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = r.oid AND s.setdatabase = 0 AND 'role=' || shared = ANY (s.setconfig)));
    twin     pg_roles;
    own      pg_roles;
    beyond   text;
    carried  text := current_setting('pgrotator.carried');
    powerful text := (SELECT r.rolname FROM pg_roles r JOIN pg_roles g ON g.rolname = 'rds_superuser' AND pg_has_role(r.oid, g.oid, 'MEMBER')
                      WHERE r.rolname IN (username, partner, shared) ORDER BY 1 LIMIT 1);
BEGIN
    IF coalesce(current_setting('pgrotator.adopt', true), '') = 'on' THEN
        RETURN;
    END IF;
    IF powerful IS NOT NULL THEN
        RAISE EXCEPTION 'role % is a member of rds_superuser, and such are not rotated', quote_ident(powerful)
            USING HINT = format('REVOKE rds_superuser FROM %I, or take it out of the role through which it is a member, and run setup again.', powerful);
    END IF;
    IF recorded AND NOT modern THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = shared) AND NOT username = ANY (becoming)
       AND NOT (recorded AND EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = to_regrole(quote_ident(shared))
                                     AND m.member IN (to_regrole(quote_ident(username)), to_regrole(quote_ident(partner))))) THEN
        RAISE EXCEPTION 'role % exists, and % does not become it at login: setup grants no role that it did not make', quote_ident(shared), quote_ident(username)
            USING DETAIL = CASE WHEN carried = '' THEN 'The catalogs show no attribute, membership, object, grant or member of it.' ELSE format('The catalogs show of it: %s.', carried) END,
                  -- Nobody is told to grant what the role's name alone says: it can be anybody's.
                  HINT = CASE WHEN carried = '' OR EXISTS (SELECT FROM pg_roles u JOIN pg_roles x ON x.rolname = shared AND pg_has_role(u.oid, x.oid, power) WHERE u.rolname = username)
                      THEN format('If it is the pair''s: SET ROLE NONE; GRANT %1$I TO %2$I%3$s, ALTER ROLE %2$I SET role = %1$I, and run setup again.', shared, username,
                                  CASE power WHEN 'SET' THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END)
                      ELSE 'Whoever answers for that role decides whether the pair is to have what it has, and makes the user a member that becomes it at login. '
                           'Else name another in pgrotator.role (the secret''s key "role"): setup makes one that does not exist.' END;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = partner)
       AND NOT (recorded AND EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = to_regrole(quote_ident(partner))
                                     AND m.member = to_regrole(quote_ident(current_setting('pgrotator.owner'))) AND m.admin_option))
       AND NOT (partner = ANY (becoming) AND username = ANY (becoming) AND username IN (shared || '_a', shared || '_b') AND partner IN (shared || '_a', shared || '_b'))
       AND NOT coalesce((SELECT shobj_description(r.oid, 'pg_authid') FROM pg_roles r WHERE r.rolname = partner) = 'pgrotator: twin of ' || username, false) THEN
        RAISE EXCEPTION 'role % exists, and nothing shows that it is of the pair: setup takes over nobody else', quote_ident(partner)
            USING HINT = format('If it is: COMMENT ON ROLE %I IS %L, and run setup again. If it is not: name another in pgrotator.partner (the secret''s key "usernames").',
                                partner, 'pgrotator: twin of ' || username);
    END IF;
    -- The same as ../rotation/pending_excess.sql, which psql cannot ask.
    SELECT * INTO own FROM pg_roles WHERE rolname = username;
    SELECT * INTO twin FROM pg_roles WHERE rolname = partner;
    beyond := concat_ws(', ',
        CASE WHEN twin.rolsuper AND NOT own.rolsuper THEN 'the attribute SUPERUSER' END,
        CASE WHEN twin.rolcreaterole AND NOT own.rolcreaterole THEN 'the attribute CREATEROLE' END,
        CASE WHEN twin.rolcreatedb AND NOT own.rolcreatedb THEN 'the attribute CREATEDB' END,
        CASE WHEN twin.rolreplication AND NOT own.rolreplication THEN 'the attribute REPLICATION' END,
        CASE WHEN twin.rolbypassrls AND NOT own.rolbypassrls THEN 'the attribute BYPASSRLS' END,
        (SELECT string_agg(DISTINCT 'membership in ' || quote_ident(g.rolname), ', ')
         FROM pg_roles g, unnest(ARRAY['MEMBER', 'MEMBER WITH ADMIN OPTION', 'USAGE', power]) AS o (option)
         WHERE g.oid NOT IN (own.oid, twin.oid) AND pg_has_role(twin.oid, g.oid, o.option) AND NOT pg_has_role(own.oid, g.oid, o.option)),
        CASE WHEN pg_has_role(twin.oid, own.oid, 'MEMBER WITH ADMIN OPTION') THEN 'ADMIN on ' || quote_ident(username) END,
        (SELECT DISTINCT 'objects or grants of its own' FROM pg_shdepend s
         WHERE left(partner, -2) <> shared AND s.refclassid = 'pg_authid'::regclass AND s.refobjid = twin.oid AND s.classid <> 'pg_auth_members'::regclass
           AND NOT EXISTS (SELECT FROM pg_class c WHERE s.classid = 'pg_class'::regclass AND c.oid = s.objid AND c.relpersistence = 't')));
    IF NOT recorded AND beyond <> '' THEN
        RAISE EXCEPTION 'role % is no twin of %: it has %', quote_ident(partner), quote_ident(username), beyond;
    END IF;
END $do$;

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
                USING HINT = format('SET ROLE NONE; CREATE ROLE %I LOGIN; then set the password that the secret holds: \password %I', username, username);
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
            EXECUTE format('GRANT %I TO %I', shared, username) -- an option that is not stated stays as it is: SET FALSE too
                || CASE becomes WHEN 'SET' THEN ' WITH SET TRUE' ELSE '' END;
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

-- The owner role: it may set the pair and close roles. Before 16 CREATEROLE is enough for that, and what it and the master hold here
-- is for the day of an upgrade, after which only those with ADMIN may give it: NOINHERIT keeps it from using what the pair may.
DO $do$
DECLARE
    owner    text := current_setting('pgrotator.owner');
    modern   bool := current_setting('server_version_num')::int >= 160000;
    pair     text[] := ARRAY[current_setting('pgrotator.username'), current_setting('pgrotator.partner')];
    wanted   record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN CREATEROLE NOINHERIT', owner);
        RAISE NOTICE 'changed: created role %, which owns the functions of the pair', quote_ident(owner);
        -- The record stands in the role's comment, which every database of the cluster sees.
        EXECUTE format('COMMENT ON ROLE %I IS %L', owner, current_setting('pgrotator.record'));
    ELSIF NOT modern AND (SELECT rolinherit FROM pg_roles WHERE rolname = owner) THEN
        EXECUTE format('ALTER ROLE %I NOINHERIT', owner);
        RAISE NOTICE 'changed: made % NOINHERIT', quote_ident(owner);
    END IF;
    FOR wanted IN
        SELECT owner AS member, p.name FROM unnest(pair) AS p (name)
        UNION ALL
        SELECT current_user, p.name FROM unnest(pair || ARRAY[owner, current_setting('pgrotator.role')]) AS p (name)
        WHERE NOT modern AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = to_regrole(quote_ident(wanted.name)) AND m.member = to_regrole(quote_ident(wanted.member)) AND m.admin_option) THEN
            EXECUTE format('GRANT %I TO %I WITH ADMIN %s', wanted.name, wanted.member, CASE WHEN modern THEN 'TRUE, INHERIT FALSE, SET FALSE' ELSE 'OPTION' END);
            RAISE NOTICE 'changed: granted ADMIN on % to %', quote_ident(wanted.name), quote_ident(wanted.member);
        END IF;
    END LOOP;
    IF coalesce(current_setting('rds.restrict_password_commands', true), 'off') IN ('on', '1', 'true')
       AND EXISTS (SELECT FROM pg_roles g WHERE g.rolname = 'rds_password' AND NOT pg_has_role(owner, g.oid, 'MEMBER')) THEN
        EXECUTE format('GRANT rds_password TO %I', owner);
        RAISE NOTICE 'changed: granted rds_password to %', quote_ident(owner);
    END IF;
END $do$;

-- The schema of the functions, whose comment names the secret that the pair is of. The master becomes the owner role until the end.
DO $do$
DECLARE
    owner  text := current_setting('pgrotator.owner');
    secret text := coalesce(current_setting('pgrotator.secret', true), '');
BEGIN
    IF current_setting('server_version_num')::int >= 160000 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER WITH INHERIT TRUE, SET TRUE', owner);
    END IF;
    IF to_regnamespace(quote_ident(owner)) IS NULL THEN
        EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', owner, owner);
        RAISE NOTICE 'changed: created schema %', quote_ident(owner);
    END IF;
    EXECUTE format('SET LOCAL ROLE %I', owner);
    IF secret <> '' AND obj_description(to_regnamespace(quote_ident(owner)), 'pg_namespace') IS DISTINCT FROM 'pgrotator: secret ' || secret THEN
        EXECUTE format('COMMENT ON SCHEMA %I IS %L', owner, 'pgrotator: secret ' || secret);
        RAISE NOTICE 'changed: recorded that the pair is of secret %', secret;
    END IF;
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
       OR NOT coalesce(substring(verifier FROM '^SCRAM-SHA-256\$([1-9][0-9]{3,5}):')::int BETWEEN 4096 AND 600000
                   AND verifier ~ '^SCRAM-SHA-256\$[0-9]+:([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$', false)
          AND verifier !~ '^md5[0-9a-f]{32}$' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'expected a whole SCRAM-SHA-256 verifier of 4096 to 600000 iterations, or an md5 one, and until when it is valid';
    END IF;
    EXECUTE format('ALTER ROLE %%I LOGIN PASSWORD %%L VALID UNTIL %%L', other, verifier, valid_until);
    RETURN other;
END $body$, first, second)),
        ('refuse_unless_closable', 'target text', 'void', false, true, format($body$
DECLARE
    t      pg_roles;
    paired bool;
BEGIN
    SELECT * INTO t FROM pg_roles WHERE rolname = target;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('role %%I does not exist', target);
    END IF;
    -- Of a pair that setup has recorded, as long as the record's owner role could set both: anybody's comment is no record.
    paired := EXISTS (
        SELECT FROM pg_roles o
        CROSS JOIN LATERAL (SELECT shobj_description(o.oid, 'pg_authid')) AS d (record)
        CROSS JOIN LATERAL (SELECT CASE WHEN d.record ~ '^\{"role" : "([^"\\[:cntrl:]]|\\["\\bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*", "users" : \["([^"\\[:cntrl:]]|\\["\\bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*", "([^"\\[:cntrl:]]|\\["\\bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"\]\}$'
                                        THEN d.record::jsonb END) AS j (record)
        WHERE o.rolcreaterole AND NOT o.rolcanlogin AND o.rolname LIKE 'rotation\_%%'
          AND (j.record ->> 'role' = target OR j.record -> 'users' ? target)
          AND (current_setting('server_version_num')::int < 160000 OR NOT EXISTS (
              SELECT FROM jsonb_array_elements_text(j.record -> 'users') AS u (name) JOIN pg_roles r ON r.rolname = u.name
              WHERE NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.member = o.oid AND m.admin_option))));
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

\ir leave.sql
COMMIT;
