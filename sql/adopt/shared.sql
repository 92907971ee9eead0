-- The shared role of an adoption, with the users that exist as members that inherit from it: what it is given from here on they have too, in
-- sessions of whatever age. Remembers the users' oids (the AWSCURRENT user's first) and the shared role's, by which databases of another
-- encoding know them. Refuses whoever would give, or get, more than the two users have.
BEGIN;
\ir session.sql
\ir ../setup/names.sql
DO $do$
DECLARE
    username text := current_setting('pgrotator.username');
    partner  text := current_setting('pgrotator.partner');
    shared   text := current_setting('pgrotator.role');
    modern   bool := current_setting('server_version_num')::int >= 160000;
    becomes  text := CASE WHEN modern THEN 'SET' ELSE 'MEMBER' END;
    super    bool := (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user);
    users    oid[] := ARRAY(SELECT r.oid FROM pg_roles r WHERE r.rolname IN (username, partner) ORDER BY r.rolname = username DESC);
    found    record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = username) THEN
        RAISE EXCEPTION '%', regexp_replace(format('role %I does not exist: there is nobody to adopt', username), '[[:cntrl:]]', '?', 'g');
    END IF;
    FOR found IN
        SELECT r.rolname, g.rolname AS power FROM pg_roles r JOIN pg_roles g ON g.rolname IN ('rds_superuser', 'rds_iam', CASE WHEN NOT super THEN current_user END)
        WHERE r.rolname IN (username, partner, shared) AND r.oid <> g.oid AND pg_has_role(r.oid, g.oid, 'MEMBER')
    LOOP
        RAISE EXCEPTION '%', regexp_replace(format('role %I is a member of %I, which no shared role is to be', found.rolname, found.power), '[[:cntrl:]]', '?', 'g')
            USING HINT = format('REVOKE %I FROM %I, or take it out of the role through which it is a member, and run setup again.', found.power, found.rolname);
    END LOOP;
    FOR found IN SELECT r.rolname, r.rolreplication, r.rolinherit FROM pg_roles r WHERE r.oid = ANY (users) LOOP
        IF found.rolreplication THEN
            RAISE EXCEPTION '%', regexp_replace(format('role %I has REPLICATION, which works for the role that logs in and cannot be shared', found.rolname), '[[:cntrl:]]', '?', 'g')
                USING HINT = format('Give replication a user of its own, ALTER ROLE %I NOREPLICATION, and run setup again.', found.rolname);
        ELSIF NOT modern AND NOT found.rolinherit THEN
            RAISE EXCEPTION '%', regexp_replace(format('role %I is NOINHERIT: its open sessions would lose what the shared role gets', found.rolname), '[[:cntrl:]]', '?', 'g')
                USING HINT = format('ALTER ROLE %I INHERIT, and run setup again.', found.rolname);
        END IF;
    END LOOP;
    -- Whoever is a member, or holds ADMIN and so can become one, would get what the users have.
    FOR found IN
        SELECT m.member::regrole AS member FROM pg_auth_members m JOIN pg_roles x ON x.oid = m.roleid AND x.rolname = shared JOIN pg_roles r ON r.oid = m.member
        WHERE m.member <> ALL (users) AND r.rolname NOT IN (current_user, current_setting('pgrotator.owner')) AND NOT r.rolsuper
          AND NOT EXISTS (SELECT FROM pg_roles g WHERE g.rolname = 'rds_superuser' AND pg_has_role(r.oid, g.oid, 'MEMBER'))
    LOOP
        RAISE EXCEPTION '%', regexp_replace(format('role %I has the member %s, who would get what the users own and were granted', shared, found.member), '[[:cntrl:]]', '?', 'g')
            USING HINT = 'Name a role that does not exist yet as the pair''s shared role (the secret''s key "role"): setup makes it.';
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = shared) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', shared);
        RAISE NOTICE 'changed: %', regexp_replace(format('created role %I', shared), '[[:cntrl:]]', '?', 'g');
    ELSIF NOT pg_has_role(username, shared, becomes) THEN
        RAISE EXCEPTION '%', regexp_replace(format('role %I exists, and %I is no member of it: setup grants no role that it did not make', shared, username), '[[:cntrl:]]', '?', 'g')
            USING HINT = 'Name a role that does not exist yet as the pair''s shared role (the secret''s key "role"): setup makes it.';
    END IF;
    FOR found IN
        SELECT r.rolname FROM pg_roles r
        WHERE r.oid = ANY (users) AND NOT (pg_has_role(r.oid, shared, 'USAGE') AND pg_has_role(r.oid, shared, becomes))
    LOOP
        EXECUTE format('GRANT %I TO %I', shared, found.rolname) || CASE WHEN modern THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
        RAISE NOTICE 'changed: %', regexp_replace(format('granted %I to %I', shared, found.rolname), '[[:cntrl:]]', '?', 'g');
    END LOOP;
    PERFORM set_config('pgrotator.users', users::text, false), set_config('pgrotator.shared', to_regrole(quote_ident(shared))::oid::text, false);
END $do$;
COMMIT;
