-- Undoes sql/setup.sql for one pair, as the master user, in the database where setup ran. Repeatable.
--   psql "host=... dbname=... user=..." -v role=app -f sql/teardown.sql
--
-- role          the shared role of the pair (app for app_a and app_b)
-- sweep_tables  keep (default): they go to the shared role, with the history in them; drop: they are dropped
-- state_schema  where the sweep's tables are, as STATE_SCHEMA has it; default public
--
-- The pair and its shared role stay, because they own what the application made: the end of this script prints how to drop
-- them too. Turn off rotation and sweep first: cancel-rotate-secret, and SweepMode off or the stack deleted.
\set ON_ERROR_STOP on
\if :{?role} \else \set role '' \endif
\if :{?sweep_tables} \else \set sweep_tables keep \endif
\if :{?state_schema} \else \set state_schema public \endif
BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '5s';
SELECT set_config('pgrotator.role', :'role', true), set_config('pgrotator.sweep_tables', :'sweep_tables', true),
       set_config('pgrotator.state_schema', :'state_schema', true) \g /dev/null

-- Names, as setup makes them, and whether what bears them is setup's.
DO $do$
DECLARE
    shared text := current_setting('pgrotator.role');
    owner  text := 'rotation_' || shared;
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
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = owner AND (rolcanlogin OR rolsuper OR NOT rolcreaterole)) THEN
        RAISE EXCEPTION 'role % is not as setup makes it: NOLOGIN CREATEROLE', quote_ident(owner)
            USING HINT = 'Somebody else made or changed it: find out who, and drop it by hand.';
    END IF;
    SELECT r.rolname INTO holder FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = owner;
    IF holder <> owner THEN
        RAISE EXCEPTION 'schema % belongs to %, not to the role of its own name', quote_ident(owner), quote_ident(holder)
            USING HINT = 'Somebody else made it: find out who, and drop it by hand.';
    END IF;
    PERFORM set_config('pgrotator.owner', owner, true),
            set_config('pgrotator.record', coalesce(shobj_description(to_regrole(quote_ident(owner)), 'pg_authid'), ''), true);
END $do$;

-- Who owns an object may drop it or pass it on: the master becomes a member of both roles, until the end at most.
DO $do$
DECLARE
    options text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
    shared  text := current_setting('pgrotator.role');
    owner   text := current_setting('pgrotator.owner');
    power   text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = owner) AND NOT pg_has_role(owner, power) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER%s', owner, options);
    END IF;
    IF NOT pg_has_role(shared, power) OR NOT pg_has_role(shared, 'USAGE') THEN
        EXECUTE format('GRANT %I TO CURRENT_USER%s', shared, options);
        PERFORM set_config('pgrotator.joined_shared', 'yes', true);
    END IF;
END $do$;

-- The functions and their schema. Anything else in it stops the script: setup did not make it.
DO $do$
DECLARE
    owner text := current_setting('pgrotator.owner');
    made  regprocedure;
BEGIN
    IF to_regnamespace(quote_ident(owner)) IS NULL THEN
        RAISE NOTICE 'schema % does not exist in this database', quote_ident(owner);
        RETURN;
    END IF;
    FOR made IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = to_regnamespace(quote_ident(owner)) AND p.proowner = to_regrole(quote_ident(owner))
          AND p.proname IN ('set_other_user', 'refuse_unless_closable', 'lock_role', 'unlock_role', 'drop_role')
    LOOP
        EXECUTE format('DROP FUNCTION %s', made);
    END LOOP;
    EXECUTE format('DROP SCHEMA %I', owner);
    RAISE NOTICE 'dropped schema % and its functions', quote_ident(owner);
END $do$;

-- Roles that the sweep has locked stay locked: it is the DBA who decides.
DO $do$
DECLARE
    status regclass := to_regclass(format('%I.user_login_status', current_setting('pgrotator.state_schema')));
    locked text;
BEGIN
    IF status IS NULL OR NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = status AND attname = 'locked_at' AND NOT attisdropped) THEN
        RETURN;
    END IF;
    FOR locked IN EXECUTE format('SELECT s.user_name FROM %s s JOIN pg_roles r ON r.rolname = s.user_name '
                                 'WHERE s.locked_at IS NOT NULL AND NOT r.rolcanlogin ORDER BY 1', status)
    LOOP
        RAISE NOTICE 'the sweep locked %, which stays locked: ALTER ROLE % LOGIN unlocks it', quote_ident(locked), quote_ident(locked);
    END LOOP;
END $do$;

-- The sweep's tables that setup or the sweep made, and the schema, where setup made that too.
DO $do$
DECLARE
    shared text := current_setting('pgrotator.role');
    owner  text := current_setting('pgrotator.owner');
    state  text := current_setting('pgrotator.state_schema');
    made   text;
BEGIN
    FOR made IN
        SELECT c.oid::regclass::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
        WHERE c.relnamespace = to_regnamespace(quote_ident(state)) AND c.relkind = 'r' AND r.rolname IN (owner, shared)
          AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action')
    LOOP
        IF current_setting('pgrotator.sweep_tables') = 'drop' THEN
            EXECUTE format('DROP TABLE %s', made);
            RAISE NOTICE 'dropped table %', made;
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = state AND n.nspowner = to_regrole(quote_ident(owner)))
       AND NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(state))) THEN
        EXECUTE format('DROP SCHEMA %I', state);
        RAISE NOTICE 'dropped schema %', quote_ident(state);
    END IF;
END $do$;

-- The owner role, and before it what it still holds: the tables that are kept, and CREATE on their schema.
DO $do$
DECLARE
    shared text := current_setting('pgrotator.role');
    owner  text := current_setting('pgrotator.owner');
    state  text := current_setting('pgrotator.state_schema');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
        RAISE NOTICE 'role % does not exist', quote_ident(owner);
        RETURN;
    END IF;
    EXECUTE format('REASSIGN OWNED BY %I TO %I', owner, shared);
    IF to_regnamespace(quote_ident(state)) IS NOT NULL THEN
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', state, owner);
    END IF;
    EXECUTE format('DROP ROLE %I', owner);
    RAISE NOTICE 'dropped role %', quote_ident(owner);
END $do$;

-- The master lets go of the shared role, and the pair's own end is told.
DO $do$
DECLARE
    shared text := current_setting('pgrotator.role');
    pair   text;
BEGIN
    IF current_setting('pgrotator.joined_shared', true) = 'yes' THEN
        EXECUTE format('REVOKE %I FROM CURRENT_USER', shared);
    END IF;
    SELECT string_agg(quote_ident(username), ', ') INTO pair
    FROM json_array_elements_text(coalesce(nullif(current_setting('pgrotator.record'), ''), '{"users":[]}')::json -> 'users') AS username;
    RAISE NOTICE 'kept: % and its users', quote_ident(shared)
        USING HINT = format('Where the application no longer needs them: GRANT %1$s TO CURRENT_USER; in each database '
            'BEGIN; REASSIGN OWNED BY %1$s TO ...; DROP OWNED BY %1$s; COMMIT; and then DROP ROLE %2$s;',
            quote_ident(shared), concat_ws(', ', pair, quote_ident(shared)));
END $do$;
COMMIT;
