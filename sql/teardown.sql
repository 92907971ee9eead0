-- Undoes sql/setup.sql for one pair, as the master user, in the database where setup ran. Repeatable; all of it happens or nothing.
--   psql "host=... dbname=... user=..." -v role=app -f sql/teardown.sql
--
-- role          the shared role of the pair (app for app_a and app_b)
-- sweep_tables  keep (default): they go to the shared role, with the history in them; drop: they are dropped
-- state_schema  where the sweep's tables are, where STATE_SCHEMA names it; default: the schema of the owner role, else public
--
-- The pair and its shared role stay, because they own what the application made. Turn off rotation and sweep first:
-- cancel-rotate-secret, and SweepMode off or the stack deleted.
\set ON_ERROR_STOP on
\if :{?role} \else \set role '' \endif
\if :{?sweep_tables} \else \set sweep_tables keep \endif
\if :{?state_schema} \else \set state_schema '' \endif
BEGIN READ WRITE;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = notice;
SET LOCAL lock_timeout = '5s';
SELECT set_config('pgrotator.role', :'role', true), set_config('pgrotator.sweep_tables', :'sweep_tables', true),
       set_config('pgrotator.state_schema', :'state_schema', true), set_config('pgrotator.joined', '', true) \g /dev/null

-- Names, as setup makes them, and whether what bears them is setup's.
DO $do$
DECLARE
    shared text := current_setting('pgrotator.role');
    owner  text := 'rotation_' || shared;
    state  text := current_setting('pgrotator.state_schema');
    holder text;
BEGIN
    IF shared = '' THEN
        RAISE EXCEPTION 'the shared role of the pair is missing: -v role=app';
    END IF;
    IF current_setting('pgrotator.sweep_tables') NOT IN ('keep', 'drop') THEN
        RAISE EXCEPTION 'sweep_tables is %; expected keep or drop', quote_literal(current_setting('pgrotator.sweep_tables'));
    END IF;
    IF octet_length(owner) > 63 THEN
        owner := (SELECT left(owner, n) FROM generate_series(1, length(owner)) AS n
                  WHERE octet_length(left(owner, n)) <= 50 ORDER BY n DESC LIMIT 1)
                 || '_' || left(encode(sha256(convert_to(shared, 'UTF8')), 'hex'), 12);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = shared) THEN
        RAISE EXCEPTION 'role % does not exist', quote_ident(shared);
    END IF;
    IF shared ~ '^(pg_|rds)' OR shared = current_user OR EXISTS (SELECT FROM pg_roles WHERE rolname = shared AND rolsuper) THEN
        RAISE EXCEPTION 'role % is no pair''s shared role', quote_ident(shared);
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = owner AND (rolcanlogin OR rolsuper OR NOT rolcreaterole)) THEN
        RAISE EXCEPTION 'role % is not as setup makes it: NOLOGIN CREATEROLE', quote_ident(owner)
            USING HINT = 'Somebody else made or changed it: find out who, and drop it by hand.';
    END IF;
    SELECT r.rolname INTO holder FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = owner;
    IF holder <> owner THEN
        RAISE EXCEPTION 'schema % belongs to %, not to the role of its own name', quote_ident(owner), quote_ident(holder)
            USING HINT = 'Somebody else made it: find out who, and drop it by hand.';
    END IF;
    IF state = '' THEN
        state := CASE WHEN EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                                   WHERE n.nspname = owner AND c.relname = 'user_login_status') THEN owner ELSE 'public' END;
    END IF;
    PERFORM set_config('pgrotator.owner', owner, true), set_config('pgrotator.state', state, true),
            set_config('pgrotator.record', coalesce(shobj_description((SELECT r.oid FROM pg_roles r WHERE r.rolname = owner), 'pg_authid'), ''), true);
END $do$;

-- Who owns an object may drop it or pass it on: the master becomes a member of both roles, until the end at most.
DO $do$
DECLARE
    options text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
    power   text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    needed  record;
BEGIN
    FOR needed IN
        SELECT r.oid, r.rolname FROM pg_roles r
        WHERE EXISTS (SELECT FROM pg_roles o WHERE o.rolname = current_setting('pgrotator.owner'))
          AND r.rolname IN (current_setting('pgrotator.owner'), current_setting('pgrotator.role'))
    LOOP
        IF NOT pg_has_role(needed.oid, power) OR NOT pg_has_role(needed.oid, 'USAGE') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER%s', needed.rolname, options);
            IF needed.rolname = current_setting('pgrotator.role') THEN
                PERFORM set_config('pgrotator.joined', 'yes', true);
            END IF;
        END IF;
    END LOOP;
END $do$;

-- The sweep's tables: plain ones of the owner role or the shared role, and nothing else that has their names. Locked first, so that
-- what is looked at stays what it is.
DO $do$
DECLARE
    owner  text := current_setting('pgrotator.owner');
    shared text := current_setting('pgrotator.role');
    found  record;
    oids   text := '';
BEGIN
    FOR found IN
        SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS quoted, c.relkind, r.rolname AS holder
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
        WHERE n.nspname = current_setting('pgrotator.state') AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action')
    LOOP
        IF found.relkind <> 'r' OR found.holder NOT IN (owner, shared) THEN
            RAISE NOTICE 'left alone: %, which is not the sweep''s: it belongs to %', found.quoted, quote_ident(found.holder);
            CONTINUE;
        END IF;
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', found.quoted);
        IF NOT EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
                       WHERE c.oid = found.oid AND c.oid = to_regclass(found.quoted) AND c.relkind = 'r' AND r.rolname IN (owner, shared)) THEN
            RAISE EXCEPTION '% was changed meanwhile: run this again', found.quoted;
        END IF;
        oids := concat_ws(' ', nullif(oids, ''), found.oid);
    END LOOP;
    PERFORM set_config('pgrotator.tables', oids, true);
END $do$;

-- Roles that the sweep has locked stay locked: it is the DBA who decides. They are read from a table without row security, whose
-- columns are of PostgreSQL's own types; what is read is a claim, since the application may write the table.
DO $do$
DECLARE
    status oid;
    locked text;
BEGIN
    SELECT c.oid INTO status FROM pg_class c
    WHERE c.oid::text = ANY (string_to_array(current_setting('pgrotator.tables'), ' ')) AND c.relname = 'user_login_status'
      AND NOT c.relrowsecurity
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_name' AND a.atttypid = 'text'::regtype)
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'locked_at' AND a.atttypid = 'timestamptz'::regtype);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR locked IN EXECUTE format('SELECT s.user_name FROM ONLY %s s JOIN pg_roles r ON r.rolname = s.user_name '
                                 'WHERE s.locked_at IS NOT NULL AND NOT r.rolcanlogin ORDER BY 1', status::regclass)
    LOOP
        RAISE NOTICE 'its table says that the sweep locked %, which stays locked: ALTER ROLE % LOGIN; unlocks it', quote_ident(locked), quote_ident(locked)
            USING HINT = 'The application may write that table: where it matters, look for "role locked" in the log of the sweep''s function.';
    END LOOP;
END $do$;

-- The functions.
DO $do$
DECLARE
    owner text := current_setting('pgrotator.owner');
    made  regprocedure;
BEGIN
    FOR made IN
        SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner
        WHERE n.nspname = owner AND r.rolname = owner
          AND p.proname IN ('set_other_user', 'refuse_unless_closable', 'lock_role', 'unlock_role', 'drop_role')
    LOOP
        EXECUTE format('DROP FUNCTION %s', made);
        RAISE NOTICE 'dropped function %', made;
    END LOOP;
END $do$;

-- The tables, and the schemas that setup made. Anything else in these stops the script: setup did not make it.
DO $do$
DECLARE
    owner text := current_setting('pgrotator.owner');
    state text := current_setting('pgrotator.state');
    kept  text := left('kept_' || owner, 60);
    made  record;
BEGIN
    IF current_setting('pgrotator.sweep_tables') = 'drop' THEN
        FOR made IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.oid::text = ANY (string_to_array(current_setting('pgrotator.tables'), ' ')) LOOP
            EXECUTE format('DROP TABLE %s', made.name);
            RAISE NOTICE 'dropped table %', made.name;
        END LOOP;
    END IF;
    FOR made IN
        SELECT n.nspname, EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.oid::text = ANY (string_to_array(current_setting('pgrotator.tables'), ' '))) AS keeps
        FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
        WHERE n.nspname IN (owner, state) AND r.rolname = owner
    LOOP
        IF NOT made.keeps THEN
            EXECUTE format('DROP SCHEMA %I', made.nspname);
            RAISE NOTICE 'dropped schema %', quote_ident(made.nspname);
        ELSIF made.nspname = owner THEN -- its name must be free for another setup
            IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                       WHERE n.nspname = owner AND c.relkind NOT IN ('i', 'c') AND c.oid::text <> ALL (string_to_array(current_setting('pgrotator.tables'), ' ')))
               OR EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = owner) THEN
                RAISE EXCEPTION 'schema % holds what setup did not make', quote_ident(owner)
                    USING HINT = 'Find out who made it, and drop or move it by hand.';
            END IF;
            EXECUTE format('ALTER SCHEMA %I RENAME TO %I', owner, kept);
            RAISE NOTICE 'kept: the sweep''s tables, in schema %', quote_ident(kept);
        END IF;
    END LOOP;
END $do$;

-- The owner role, and before it what it still holds: the tables that are kept, and CREATE on their schema.
DO $do$
DECLARE
    shared text := current_setting('pgrotator.role');
    owner  text := current_setting('pgrotator.owner');
    state  text := current_setting('pgrotator.state');
    given  text[]; -- up to PostgreSQL 15 setup makes the master a member of the pair and its shared role, for the day of an upgrade
    former text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
        RAISE NOTICE 'role % does not exist', quote_ident(owner);
        RETURN;
    END IF;
    given := ARRAY(SELECT g.rolname FROM pg_roles g JOIN pg_auth_members m ON m.roleid = g.oid JOIN pg_roles r ON r.oid = m.member
                   WHERE r.rolname = current_user AND m.admin_option AND current_setting('server_version_num')::int < 160000
                     AND (g.rolname = shared OR EXISTS (
                         SELECT FROM pg_auth_members h JOIN pg_roles o ON o.oid = h.member WHERE h.roleid = g.oid AND o.rolname = owner AND h.admin_option)));
    EXECUTE format('REASSIGN OWNED BY %I TO %I', owner, shared);
    IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = state) THEN
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', state, owner);
    END IF;
    EXECUTE format('DROP OWNED BY %I', owner); -- what others granted to it; it owns nothing any more
    EXECUTE format('DROP ROLE %I', owner);
    RAISE NOTICE 'dropped role %', quote_ident(owner);
    FOREACH former IN ARRAY given LOOP
        EXECUTE format('REVOKE %I FROM CURRENT_USER', former);
    END LOOP;
END $do$;

-- The master lets go of the shared role, and the pair's own end is told. The record can be anybody's: only members are named.
DO $do$
DECLARE
    shared text := current_setting('pgrotator.role');
    locks  text;
BEGIN
    IF current_setting('pgrotator.joined') = 'yes' THEN
        EXECUTE format('REVOKE %I FROM CURRENT_USER', shared);
    END IF;
    BEGIN
        SELECT string_agg(format('ALTER ROLE %I NOLOGIN;', r.rolname), ' ') INTO locks
        FROM jsonb_array_elements_text(nullif(current_setting('pgrotator.record'), '')::jsonb -> 'users') AS u (name)
        JOIN pg_roles r ON r.rolname = u.name
        WHERE EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles s ON s.oid = m.roleid WHERE m.member = r.oid AND s.rolname = shared);
    EXCEPTION WHEN data_exception THEN NULL; -- no record of setup's
    END;
    RAISE NOTICE 'kept: % and its users', quote_ident(shared)
        USING HINT = concat_ws(' ', 'Where the application no longer needs them, lock the users, and leave to them and their role what these own:', locks);
END $do$;
COMMIT;
