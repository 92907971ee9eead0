-- Drops the role pgrotator.leaver_oid, which must have the name pgrotator.leaver where that is set, and says who was a member of it.
DO $do$
DECLARE
    leaver pg_catalog.text;
    member pg_catalog.text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT r.rolname INTO leaver FROM pg_roles r WHERE r.oid = current_setting('pgrotator.leaver_oid')::oid;
    IF NOT FOUND OR leaver <> current_setting('pgrotator.leaver', true) THEN
        RAISE EXCEPTION 'the role is gone, or was made again since this script was written'
            USING HINT = 'In a database of another encoding its name reads differently: start in the one that the sweep logs in to.';
    END IF;
    IF EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = current_setting('pgrotator.leaver_oid')::oid) THEN
        RAISE EXCEPTION 'role % is in use: it has a session', quote_ident(leaver);
    END IF;
    FOR member IN
        SELECT DISTINCT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
        WHERE m.roleid = current_setting('pgrotator.leaver_oid')::oid AND r.rolname <> current_user
    LOOP
        RAISE NOTICE 'no longer a member of it: %', regexp_replace(quote_ident(member), '[[:cntrl:]]', '?', 'g');
    END LOOP;
    EXECUTE format('DROP ROLE %I', leaver);
END $do$;
