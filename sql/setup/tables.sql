-- The sweep's tables: makes them, brings those of version 1.0 up to date, and moves these from public to the owner role's schema,
-- or leaves them in pgrotator.state_schema where that is named.
BEGIN;
\ir names.sql

-- The schema. The master becomes the owner role until the end.
DO $do$
DECLARE
    owner  text := current_setting('pgrotator.owner');
    shared text := current_setting('pgrotator.role');
    state  text := coalesce(nullif(current_setting('pgrotator.state_schema', true), ''), owner);
    holder pg_roles;
    wanted record;
BEGIN
    IF current_setting('server_version_num')::int >= 160000 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER WITH INHERIT TRUE, SET TRUE', owner);
    END IF;
    SELECT r.* INTO holder FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = state;
    IF NOT FOUND THEN
        EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', state, owner);
        RAISE NOTICE 'changed: created schema %', quote_ident(state);
    ELSIF NOT (holder.rolname IN (owner, current_user) OR holder.rolsuper
               OR holder.rolname = 'pg_database_owner' AND EXISTS (
                   SELECT FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
                   WHERE d.datname = current_database() AND (r.rolsuper OR r.rolname = current_user))) THEN
        RAISE EXCEPTION 'schema % belongs to %, who could put tables of their own in the place of the sweep''s', quote_ident(state), quote_ident(holder.rolname)
            USING HINT = 'Leave STATE_SCHEMA empty: the tables then go to the schema of the role that owns the functions; or name a schema of the master''s, or one that does not exist yet.';
    END IF;
    FOR wanted IN
        SELECT x.grantee, x.privilege FROM (VALUES (owner, 'USAGE'), (owner, 'CREATE'), (shared, 'USAGE'), (current_user::text, 'USAGE')) AS x (grantee, privilege)
        WHERE NOT EXISTS (SELECT FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
                          WHERE n.nspname = state AND a.privilege_type = x.privilege AND a.grantee IN (0, to_regrole(quote_ident(x.grantee))))
    LOOP
        BEGIN
            EXECUTE format('GRANT %s ON SCHEMA %I TO %I', wanted.privilege, state, wanted.grantee);
        EXCEPTION WHEN insufficient_privilege THEN NULL; -- as where it grants nothing, and only warns
        END;
        IF NOT has_schema_privilege(wanted.grantee, state, wanted.privilege) THEN
            RAISE EXCEPTION 'the sweep''s tables cannot be made in schema %: % may not grant % on it', quote_ident(state), quote_ident(current_user), wanted.privilege
                USING HINT = 'Leave STATE_SCHEMA empty: the tables then go to the schema of the role that owns the functions.';
        END IF;
        RAISE NOTICE 'changed: granted % on schema % to %', wanted.privilege, quote_ident(state), quote_ident(wanted.grantee);
    END LOOP;
    PERFORM set_config('pgrotator.state', state, true);
END $do$;

-- Tables that setup or the sweep of version 1.0 made, here or in public. Locked first: what is looked at stays as it is. Their
-- owner was the shared role, which could have hung code on them: the owner role would run it, with CREATEROLE.
DO $do$
DECLARE
    owner   text := current_setting('pgrotator.owner');
    shared  text := current_setting('pgrotator.role');
    state   text := current_setting('pgrotator.state');
    joined  bool := false;
    made    record;
    fault   text;
BEGIN
    FOR made IN
        SELECT c.oid, n.nspname, c.relname, r.rolname AS holder, format('%I.%I', n.nspname, c.relname) AS quoted
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
        WHERE c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action')
          AND (n.nspname = state OR n.nspname = 'public' AND state = owner AND r.rolname IN (owner, shared)
               AND to_regclass(format('%I.%I', state, c.relname)) IS NULL)
        ORDER BY c.relname
    LOOP
        IF made.holder = shared AND NOT joined AND current_setting('server_version_num')::int >= 160000
           AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER WITH INHERIT TRUE, SET TRUE', shared);
            joined := true;
        END IF;
        IF made.holder IN (owner, shared) THEN
            BEGIN
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', made.quoted);
            EXCEPTION WHEN lock_not_available THEN
                RAISE EXCEPTION 'table % is in use: a sweep of this database is under way', made.quoted USING HINT = 'Run setup again when it has ended.';
            END;
        END IF;
        SELECT concat_ws(', ',
            CASE WHEN made.holder NOT IN (owner, shared) THEN 'it belongs to somebody else' END,
            CASE WHEN c.relkind <> 'r' OR c.relpersistence <> 'p' OR c.relispartition
                      OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) THEN 'it is no plain table' END,
            CASE WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid) THEN 'it has a trigger' END,
            CASE WHEN EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid) THEN 'it has a rule' END,
            CASE WHEN c.relrowsecurity OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) THEN 'it has row security' END,
            CASE WHEN EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype NOT IN ('p', 'n'))
                   OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND NOT x.indisprimary)
                   OR EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = c.oid) THEN 'it has constraints, indexes or statistics that are not setup''s' END,
            CASE WHEN EXISTS (SELECT FROM pg_attrdef d WHERE d.adrelid = c.oid
                              AND pg_get_expr(d.adbin, d.adrelid) NOT IN ('now()', '''Active''::text', '''first seen''::text')) THEN 'it has defaults that are not setup''s' END,
            CASE WHEN EXISTS (SELECT FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
                              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                                AND (y.typnamespace <> 'pg_catalog'::regnamespace OR y.typtype <> 'b')) THEN 'it has columns of a type that somebody made' END)
        INTO fault FROM pg_class c WHERE c.oid = made.oid;
        IF fault <> '' THEN
            RAISE EXCEPTION 'table %, owned by %, is not the sweep''s: %', made.quoted, quote_ident(made.holder), fault
                USING HINT = format('Look into it, then ALTER TABLE %s RENAME TO %I, and run setup again.', made.quoted, made.relname || '_before');
        END IF;
        IF made.nspname <> state THEN
            EXECUTE format('ALTER TABLE %s SET SCHEMA %I', made.quoted, state);
            RAISE NOTICE 'changed: moved table % to schema %', made.quoted, quote_ident(state);
        END IF;
        IF made.holder <> owner THEN
            EXECUTE format('ALTER TABLE %I.%I OWNER TO %I', state, made.relname, owner);
            RAISE NOTICE 'changed: % owns table %.% now', quote_ident(owner), quote_ident(state), made.relname;
        END IF;
    END LOOP;
    IF joined THEN
        EXECUTE format('REVOKE %I FROM CURRENT_USER', shared);
    END IF;
    PERFORM set_config('pgrotator.missing', (3 - count(*))::text, true),
            set_config('pgrotator.old_columns', coalesce(string_agg(c.relname, ' ') FILTER (WHERE c.relname <> 'user_login_action' AND NOT EXISTS (
                SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('last_login_source', 'run_number') AND NOT a.attisdropped)), ''), true)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = state AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action');
    EXECUTE format('SET LOCAL ROLE %I', owner);
    PERFORM set_config('search_path', quote_ident(state) || ', pg_temp', true);
END $do$;
\ir ../sweep/tables.sql
SET LOCAL search_path = pg_catalog;

-- What is told of them, what rows of version 1.0 can be said to rest on, and who may use them. Version 1.0 gave a row one time for
-- its last login and its status when it first saw a role: where the login is later, the role was seen active, as the log or an open
-- session showed; where it is not, nothing is known of it but that it was there.
DO $do$
DECLARE
    owner  text := current_setting('pgrotator.owner');
    shared text := current_setting('pgrotator.role');
    state  text := current_setting('pgrotator.state');
    master text := current_setting('pgrotator.master');
    old    text := current_setting('pgrotator.old_columns');
    made   record;
BEGIN
    IF current_setting('pgrotator.missing') <> '0' THEN
        RAISE NOTICE 'changed: created the tables of the sweep in schema %', quote_ident(state);
    END IF;
    IF old ~ 'user_login_status' THEN
        EXECUTE format('UPDATE %I.user_login_status SET first_seen_at = least(last_login_time, status_changed_at), '
                       'last_login_source = CASE WHEN last_login_time > status_changed_at THEN ''sign of life'' ELSE ''first seen'' END', state);
    END IF;
    IF old <> '' THEN
        RAISE NOTICE 'changed: brought the tables of the sweep in schema % up to date', quote_ident(state);
    END IF;
    FOR made IN
        SELECT DISTINCT c.oid::regclass AS name, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END AS grantee
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (
            SELECT a.grantee FROM aclexplode(c.relacl) AS a
            UNION ALL SELECT a.grantee FROM pg_attribute t, aclexplode(t.attacl) AS a WHERE t.attrelid = c.oid) AS x
        WHERE n.nspname = state AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action')
          AND x.grantee NOT IN (c.relowner, to_regrole(quote_ident(shared)), to_regrole(quote_ident(master)))
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s CASCADE', made.name, made.grantee);
        RAISE NOTICE 'changed: % may no longer use table %', made.grantee, made.name;
    END LOOP;
    FOR made IN
        SELECT c.oid::regclass AS name, r.rolname AS grantee
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.rolname IN (shared, master)
        WHERE n.nspname = state AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action')
          AND 4 > (SELECT count(DISTINCT a.privilege_type) FROM aclexplode(c.relacl) AS a
                   WHERE a.grantee = r.oid AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s TO %I', made.name, made.grantee);
    END LOOP;
END $do$;

\ir leave.sql
COMMIT;
