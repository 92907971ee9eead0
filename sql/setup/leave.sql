-- The master lets go of the owner role. Before PostgreSQL 16 it stays a member: there is no ADMIN without that.
RESET ROLE;
DO $do$
BEGIN
    IF current_setting('server_version_num')::int >= 160000 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('REVOKE %I FROM CURRENT_USER', current_setting('pgrotator.owner'));
    END IF;
END $do$;
