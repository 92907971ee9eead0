-- Drops the role pgrotator.leaver (by name and oid), and says who was a member of it.
DO $do$
DECLARE
    member pg_catalog.text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_setting('pgrotator.leaver') AND r.oid = current_setting('pgrotator.leaver_oid')::oid) THEN
        RAISE EXCEPTION 'role % is gone, or was made again since this script was written', quote_ident(current_setting('pgrotator.leaver'));
    END IF;
    IF EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = current_setting('pgrotator.leaver_oid')::oid) THEN
        RAISE EXCEPTION 'role % is in use: it has a session', quote_ident(current_setting('pgrotator.leaver'));
    END IF;
    FOR member IN
        SELECT DISTINCT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
        WHERE m.roleid = current_setting('pgrotator.leaver_oid')::oid AND r.rolname <> current_user
    LOOP
        RAISE NOTICE 'no longer a member of it: %', regexp_replace(quote_ident(member), '[[:cntrl:]]', '?', 'g');
    END LOOP;
    EXECUTE format('DROP ROLE %I', current_setting('pgrotator.leaver'));
END $do$;
