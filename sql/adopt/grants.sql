-- Grants the shared role what the users were granted, as those who granted it, and has it grant again what they granted to others. With
-- pgrotator.telling it only tells what the shared role lacks.
DO $do$
DECLARE
    users   oid[] := current_setting('pgrotator.users')::oid[];
    shared  oid := current_setting('pgrotator.shared')::oid;
    me      name := current_user;
    becomes text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    moved   int := 0;
    item    record;
BEGIN
    FOR item IN
        SELECT * FROM json_to_recordset(current_setting('pgrotator.grants')::json)
            AS g (object text, owner oid, grantor oid, grantee oid, grantable bool, privileges text, lacking bool)
        ORDER BY g.grantee = ANY (users) DESC, g.grantor = ANY (users)
    LOOP
        IF current_setting('pgrotator.telling', true) = 'on' THEN
            IF item.lacking THEN
                RAISE NOTICE 'lacking: %', regexp_replace(item.privileges || ' on ' || item.object || ', granted to ' || item.grantee::regrole
                    || CASE WHEN item.grantable THEN ' with grant option' ELSE '' END, '[[:cntrl:]]', '?', 'g');
            END IF;
            CONTINUE;
        END IF;
        IF item.grantee = ANY (users) THEN
            -- What is the users' own, or the shared role's, it has or gets as the owner.
            CONTINUE WHEN item.owner = ANY (users || shared) OR item.grantor = ANY (users);
            IF pg_has_role(item.grantor, becomes) THEN
                EXECUTE format('SET LOCAL ROLE %s', item.grantor::regrole);
            END IF;
            BEGIN
                EXECUTE format('GRANT %s ON %s TO %s', item.privileges, item.object, shared::regrole) || CASE WHEN item.grantable THEN ' WITH GRANT OPTION' ELSE '' END;
                moved := moved + 1;
            EXCEPTION WHEN insufficient_privilege THEN NULL; -- refuse.sql tells
            END;
        ELSE
            CONTINUE WHEN item.grantor = item.owner; -- REASSIGN OWNED makes the shared role the grantor
            EXECUTE format('SET LOCAL ROLE %s', CASE WHEN item.owner = ANY (users) THEN item.owner ELSE shared END::regrole);
            BEGIN
                EXECUTE format('GRANT %s ON %s TO %s', item.privileges, item.object, CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE item.grantee::regrole::text END)
                        || CASE WHEN item.grantable THEN ' WITH GRANT OPTION' ELSE '' END;
            EXCEPTION WHEN insufficient_privilege THEN NULL; -- without the grant option, which refuse.sql tells
            END;
        END IF;
        EXECUTE format('SET LOCAL ROLE %I', me);
    END LOOP;
    IF moved > 0 THEN
        RAISE NOTICE 'changed: %', regexp_replace(format('in database %I, granted %s what was granted to the users on %s objects', current_database(), shared::regrole, moved), '[[:cntrl:]]', '?', 'g');
    END IF;
END $do$;
