-- Gives the shared role the attributes and the memberships of the users, with their options. The users keep theirs. With
-- pgrotator.telling it only tells what is lacking.
DO $do$
DECLARE
    users   oid[] := current_setting('pgrotator.users')::oid[];
    shared  oid := current_setting('pgrotator.shared')::oid;
    modern  bool := current_setting('server_version_num')::int >= 160000;
    becomes text := CASE WHEN modern THEN 'SET' ELSE 'MEMBER' END;
    act     text;
    item    record;
BEGIN
    FOR item IN
        SELECT DISTINCT a.attribute FROM pg_roles r LEFT JOIN pg_roles x ON x.oid = shared CROSS JOIN LATERAL (VALUES
            ('CREATEDB', r.rolcreatedb, x.rolcreatedb), ('CREATEROLE', r.rolcreaterole, x.rolcreaterole), ('BYPASSRLS', r.rolbypassrls, x.rolbypassrls)) AS a (attribute, held, there)
        WHERE r.oid = ANY (users) AND a.held AND NOT coalesce(a.there, false)
    LOOP
        IF current_setting('pgrotator.telling', true) = 'on' THEN
            RAISE NOTICE 'lacking: %', regexp_replace(format('the attribute %s', item.attribute), '[[:cntrl:]]', '?', 'g');
            CONTINUE;
        END IF;
        act := format('ALTER ROLE %s %s', shared::regrole, item.attribute);
        BEGIN
            EXECUTE act;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE EXCEPTION '%', regexp_replace(format('%I may not give %s the attribute %s that the users have: %s', current_user, shared::regrole, item.attribute, SQLERRM), '[[:cntrl:]]', '?', 'g')
                USING HINT = format('Let a superuser run: %s. Or take it from the users. Then run setup again.', act);
        END;
        RAISE NOTICE 'changed: %', regexp_replace(format('gave %s the attribute %s', shared::regrole, item.attribute), '[[:cntrl:]]', '?', 'g');
    END LOOP;
    FOR item IN
        SELECT m.roleid, r.rolname, bool_or(m.admin_option) AS admin, coalesce(bool_or((to_jsonb(m) ->> 'inherit_option')::bool), true) AS inherit,
               coalesce(bool_or((to_jsonb(m) ->> 'set_option')::bool), true) AS become
        FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
        WHERE m.member = ANY (users) AND m.roleid <> ALL (users || shared) AND r.rolname <> 'rds_password' -- that is for setting one's own password
        GROUP BY m.roleid, r.rolname
    LOOP
        CONTINUE WHEN shared <> 0 AND pg_has_role(shared, item.roleid, 'MEMBER') AND (NOT item.admin OR pg_has_role(shared, item.roleid, 'MEMBER WITH ADMIN OPTION'))
            AND (NOT item.inherit OR pg_has_role(shared, item.roleid, 'USAGE')) AND (NOT item.become OR pg_has_role(shared, item.roleid, becomes));
        IF current_setting('pgrotator.telling', true) = 'on' THEN
            RAISE NOTICE 'lacking: %', regexp_replace('membership in ' || quote_ident(item.rolname) || CASE WHEN item.admin THEN ' with ADMIN' ELSE '' END, '[[:cntrl:]]', '?', 'g');
            CONTINUE;
        END IF;
        act := format('GRANT %I TO %s', item.rolname, shared::regrole)
               || CASE WHEN modern THEN format(' WITH ADMIN %s, INHERIT %s, SET %s', item.admin::text, item.inherit::text, item.become::text) WHEN item.admin THEN ' WITH ADMIN OPTION' ELSE '' END;
        BEGIN
            EXECUTE act;
        EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation THEN
            RAISE EXCEPTION '%', regexp_replace(format('%I may not make %s a member of %I, as the users are: %s', current_user, shared::regrole, item.rolname, SQLERRM), '[[:cntrl:]]', '?', 'g')
                USING HINT = format('Let whoever holds ADMIN on %I, or a superuser, run: %s. Then run setup again.', item.rolname, act);
        END;
        RAISE NOTICE 'changed: %', regexp_replace(format('granted %I to %s', item.rolname, shared::regrole), '[[:cntrl:]]', '?', 'g');
    END LOOP;
END $do$;
