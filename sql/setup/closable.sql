-- ADMIN on the roles that the sweep may close, for the owner role, from PostgreSQL 16 on: before, CREATEROLE is enough. Only where
-- the functions that close roles are; where they are not, ADMIN on people is taken back. Each role is granted or not by itself.
-- pgrotator.batch bounds how many are looked at (unset = all), beginning after pgrotator.after, which then tells where to go on
-- ('' = all are done): a GRANT's time grows with the number of roles that the master has ADMIN on.
BEGIN;
\ir names.sql
DO $do$
DECLARE
    owner   text := current_setting('pgrotator.owner');
    pair    text[] := ARRAY[current_setting('pgrotator.username'), current_setting('pgrotator.partner')];
    batch   int := coalesce(nullif(current_setting('pgrotator.batch', true), '')::int, 2147483647);
    after   text := coalesce(current_setting('pgrotator.after', true), '');
    closing bool := current_setting('pgrotator.closes') = 'on';
    looked  int := 0;
    iam     oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'rds_iam');
    told    text;
    paired  text[] := '{}'; -- another pair's users belong to that pair's owner role alone
    person  record;
BEGIN
    PERFORM set_config('pgrotator.after', '', false);
    IF current_setting('server_version_num')::int < 160000 THEN
        RETURN;
    END IF;
    IF NOT closing THEN
        FOR person IN
            SELECT r.rolname, b.rolname AS grantor FROM pg_auth_members m
            JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles b ON b.oid = m.grantor
            WHERE m.member = to_regrole(quote_ident(owner)) AND r.rolname <> ALL (pair) AND r.rolname <> 'rds_password'
            ORDER BY r.rolname
        LOOP
            BEGIN
                EXECUTE format('REVOKE %I FROM %I GRANTED BY %I', person.rolname, owner, person.grantor);
                RAISE NOTICE 'changed: revoked % from %', quote_ident(person.rolname), quote_ident(owner);
            EXCEPTION WHEN OTHERS THEN
                RAISE NOTICE 'left: % still has ADMIN on %: %. Let % run: REVOKE % FROM %', quote_ident(owner), quote_ident(person.rolname),
                    SQLERRM, quote_ident(person.grantor), quote_ident(person.rolname), quote_ident(owner);
            END;
        END LOOP;
        RETURN;
    END IF;
    -- The owner role's members are members of whatever it is granted: one in rds_iam could no longer log in by password.
    IF NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = to_regrole(quote_ident(owner)) AND NOT pg_has_role(m.member, iam, 'MEMBER')) THEN
        iam := NULL;
    END IF;
    FOR told IN
        SELECT d.record FROM pg_roles o, shobj_description(o.oid, 'pg_authid') AS d (record)
        WHERE o.rolcreaterole AND NOT o.rolcanlogin AND o.rolname LIKE 'rotation\_%' AND d.record IS NOT NULL
    LOOP
        BEGIN
            paired := paired || coalesce(told::jsonb ->> 'role', '') || ARRAY(SELECT jsonb_array_elements_text(told::jsonb -> 'users'));
        EXCEPTION WHEN data_exception THEN NULL; -- no record of setup's
        END;
    END LOOP;
    FOR person IN
        SELECT r.rolname, iam IS NOT NULL AND pg_has_role(r.oid, iam, 'MEMBER') AS by_token,
               -- A grantor is looked for among the roles that the master inherits from, not among all that it is a member of.
               (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR EXISTS (
                   SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.admin_option AND pg_has_role(m.member, 'USAGE')) AS grantable
        FROM pg_roles r
        WHERE r.rolname > after COLLATE "C" AND r.rolcanlogin AND NOT r.rolsuper AND r.rolname !~ '^(pg_|rds)'
          AND r.rolname NOT IN (current_user, current_setting('pgrotator.role'))
          AND r.rolname <> ALL (pair) AND r.rolname <> ALL (paired)
          AND NOT pg_has_role(owner, r.oid, 'MEMBER WITH ADMIN OPTION') AND NOT pg_has_role(r.oid, owner, 'MEMBER')
          AND pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION')
        ORDER BY r.rolname COLLATE "C"
    LOOP
        looked := looked + 1;
        IF looked > batch THEN
            EXIT;
        END IF;
        PERFORM set_config('pgrotator.after', person.rolname, false);
        BEGIN
            IF person.by_token THEN
                RAISE EXCEPTION 'it is a member of rds_iam, and whoever is a member of % could no longer log in by password', quote_ident(owner);
            ELSIF NOT person.grantable THEN
                RAISE EXCEPTION '% may not grant it', quote_ident(current_user);
            END IF;
            EXECUTE format('GRANT %I TO %I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', person.rolname, owner);
            RAISE NOTICE 'changed: granted ADMIN on % to %', quote_ident(person.rolname), quote_ident(owner);
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'left: the sweep cannot close %: %', quote_ident(person.rolname), SQLERRM;
        END;
    END LOOP;
    IF looked <= batch THEN
        PERFORM set_config('pgrotator.after', '', false);
    END IF;
END $do$;
COMMIT;
