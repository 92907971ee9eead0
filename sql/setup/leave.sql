-- The master lets go of the owner role, and is itself again: RESET ROLE would make it what the database's owner has everybody become. Before
-- PostgreSQL 16 it stays a member: there is no ADMIN without that.
DO $do$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', current_setting('pgrotator.master'));
    IF current_setting('server_version_num')::int >= 160000 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('REVOKE %I FROM CURRENT_USER', current_setting('pgrotator.owner'));
    END IF;
END $do$;
