-- Makes the role pgrotator.heir, which is to hold what the role pgrotator.leaver owned. Nobody is a member of it and nobody logs in
-- as it. One that exists already stops the script: whoever made it would get the leaver's objects and all that runs in them.
DO $do$
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_setting('pgrotator.leaver') AND r.oid = current_setting('pgrotator.leaver_oid')::oid) THEN
        RAISE EXCEPTION 'role % is gone, or was made again since this script was written', quote_ident(current_setting('pgrotator.leaver'))
            USING HINT = 'In a database of another encoding its name reads differently: start in the one that the sweep logs in to.';
    END IF;
    IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_setting('pgrotator.heir')) THEN
        RAISE EXCEPTION 'role % exists already, and could be anybody''s', quote_ident(current_setting('pgrotator.heir'))
            USING HINT = format('Find out who made it. If an earlier run of this script did, and was cut short: ALTER ROLE %I RENAME TO ...; and run it again.',
                                current_setting('pgrotator.heir'));
    END IF;
    IF current_setting('server_version_num')::int >= 160000 THEN
        PERFORM set_config('createrole_self_grant', '', true);
    END IF;
    EXECUTE format('CREATE ROLE %I NOLOGIN', current_setting('pgrotator.heir'));
    EXECUTE format('COMMENT ON ROLE %I IS %L', current_setting('pgrotator.heir'),
                   'pgrotator: holds what ' || quote_ident(current_setting('pgrotator.leaver')) || ' owned');
END $do$;
