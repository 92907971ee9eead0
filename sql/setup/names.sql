-- The names that each transaction of setup works with: the pair, its shared role, and the owner role, whose name the schema
-- shares. They hold until the transaction's end. Whoever owns the database may have settled what psql's session begins with.
SET LOCAL search_path = pg_catalog;
SET LOCAL standard_conforming_strings = on;
DO $do$
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN -- the master is to be no member of what it creates
        PERFORM set_config('createrole_self_grant', '', true);
    END IF;
END $do$;
DO $do$
DECLARE
    username text := coalesce(current_setting('pgrotator.username', true), '');
    base     text := CASE WHEN right(username, 2) IN ('_a', '_b') THEN nullif(left(username, -2), '') END;
    partner  text := coalesce(nullif(current_setting('pgrotator.partner', true), ''),
                              base || CASE right(username, 2) WHEN '_a' THEN '_b' ELSE '_a' END);
    shared   text := coalesce(nullif(current_setting('pgrotator.role', true), ''), base);
    owner    text := 'rotation_' || shared;
    named    text;
    sweep    text := coalesce(current_setting('pgrotator.sweep', true), '');
BEGIN
    IF current_user <> session_user AND EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
                                                WHERE d.datname = current_database() AND s.setrole = 0 AND 'role=' || current_user = ANY (s.setconfig)) THEN
        RAISE EXCEPTION 'in database % whoever logs in becomes %, whose administrators would have power over what setup makes',
                quote_ident(current_database()), quote_ident(current_user)
            USING HINT = format('To be %I all the same, run this with -c "SET ROLE NONE" before -f.', session_user);
    END IF;
    IF sweep NOT IN ('', 'on', 'off') THEN
        RAISE EXCEPTION 'pgrotator.sweep is %; expected on, off or nothing', quote_literal(sweep);
    END IF;
    IF partner IS NULL OR shared IS NULL OR partner = username OR shared IN (username, partner) THEN
        RAISE EXCEPTION 'two users and their shared role are needed: SET pgrotator.username, and pgrotator.partner and pgrotator.role where the names are not X_a, X_b and X';
    END IF;
    IF octet_length(owner) > 63 THEN
        owner := (SELECT left(owner, n) FROM generate_series(1, length(owner)) AS n
                  WHERE octet_length(left(owner, n)) <= 50 ORDER BY n DESC LIMIT 1)
                 || '_' || left(encode(sha256(convert_to(shared, 'UTF8')), 'hex'), 12);
    END IF;
    FOREACH named IN ARRAY ARRAY[username, partner, shared] LOOP
        IF octet_length(named) > 63 OR named ~ '^(pg_|rds)' OR named = current_user
           OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = named AND r.rolsuper) THEN
            RAISE EXCEPTION 'role % is the master, a superuser, longer than 63 bytes or of a name that PostgreSQL or RDS keeps for itself', quote_ident(named);
        END IF;
    END LOOP;
    PERFORM set_config('pgrotator.partner', partner, true), set_config('pgrotator.role', shared, true),
            set_config('pgrotator.owner', owner, true), set_config('pgrotator.master', current_user, true),
            set_config('pgrotator.record', json_build_object('role', shared, 'users', json_build_array(
                least(username COLLATE "C", partner), greatest(username COLLATE "C", partner)))::text, true),
            -- Whether the pair has, or is to have, the functions that close roles. Without a word a pair keeps what it has.
            set_config('pgrotator.closes', CASE WHEN sweep = '' THEN CASE WHEN EXISTS (
                SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
                WHERE n.nspname = owner AND o.rolname = owner AND p.proname IN ('lock_role', 'unlock_role', 'drop_role')) THEN 'on' ELSE 'off' END ELSE sweep END, true);
END $do$;

