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
    -- refuse_unless_closable is the owner role's to call.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER WITH INHERIT TRUE, SET TRUE', owner);
    END IF;
    FOR person IN
        -- Joins, since pg_has_role looks for all memberships anew whenever it is asked about another role.
        WITH RECURSIVE self AS (
            SELECT r.oid, r.rolsuper FROM pg_roles r WHERE r.rolname = current_user
        ), reached AS (
            SELECT self.oid FROM self UNION SELECT m.roleid FROM reached JOIN pg_auth_members m ON m.member = reached.oid
        ), inherited AS ( -- a grantor is looked for among these, not among all that the master is a member of
            SELECT self.oid FROM self UNION SELECT m.roleid FROM inherited JOIN pg_auth_members m ON m.member = inherited.oid AND m.inherit_option
        ), held AS (
            SELECT r.oid FROM pg_roles r WHERE r.rolname = owner UNION SELECT m.roleid FROM held JOIN pg_auth_members m ON m.member = held.oid
        ), members AS (
            SELECT r.oid FROM pg_roles r WHERE r.rolname = owner UNION SELECT m.member FROM members JOIN pg_auth_members m ON m.roleid = members.oid
        ), by_token AS (
            SELECT iam AS oid UNION SELECT m.member FROM by_token JOIN pg_auth_members m ON m.roleid = by_token.oid
        )
        SELECT r.rolname, r.oid IN (SELECT by_token.oid FROM by_token WHERE by_token.oid IS NOT NULL) AS by_token,
               self.rolsuper OR r.oid IN (SELECT m.roleid FROM pg_auth_members m JOIN inherited ON inherited.oid = m.member WHERE m.admin_option) AS grantable
        FROM self CROSS JOIN pg_roles r
        WHERE r.rolname > after COLLATE "C" AND r.rolcanlogin AND r.oid <> self.oid AND r.rolname <> ALL (pair)
          AND (self.rolsuper OR r.oid IN (SELECT m.roleid FROM pg_auth_members m JOIN reached ON reached.oid = m.member WHERE m.admin_option))
          AND r.oid NOT IN (SELECT m.roleid FROM pg_auth_members m JOIN held ON held.oid = m.member WHERE m.admin_option)
          AND r.oid NOT IN (SELECT members.oid FROM members)
        ORDER BY r.rolname COLLATE "C"
    LOOP
        looked := looked + 1;
        IF looked > batch THEN
            EXIT;
        END IF;
        PERFORM set_config('pgrotator.after', person.rolname, false);
        BEGIN
            EXECUTE format('SELECT %I.refuse_unless_closable(%L)', owner, person.rolname);
        EXCEPTION WHEN insufficient_privilege THEN CONTINUE;
        END;
        BEGIN
            IF person.by_token THEN
                RAISE EXCEPTION 'it is a member of rds_iam, and whoever is a member of % could no longer log in by password', quote_ident(owner);
            ELSIF NOT person.grantable THEN
                RAISE EXCEPTION '% may not grant it, whoever made it can: GRANT % TO % WITH ADMIN TRUE, INHERIT FALSE, SET FALSE',
                    quote_ident(current_user), quote_ident(person.rolname), quote_ident(owner);
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
\ir leave.sql
COMMIT;
