-- Gives the shared role the default privileges of the users: those for what they make themselves, with what they took from PUBLIC, and those
-- that others give them on what they make. The users keep their own, for what sessions make that are older. With
-- pgrotator.telling it only tells what is lacking.
DO $do$
DECLARE
    users    oid[] := current_setting('pgrotator.users')::oid[];
    shared   oid := current_setting('pgrotator.shared')::oid;
    made     int := 0;
    place    text;
    act      text;
    receiver text;
    item     record;
BEGIN
    FOR item IN
        WITH listed AS ( -- of each row, what it grants beyond PostgreSQL's defaults, and what of these it takes
            SELECT a.defaclrole AS maker, a.defaclnamespace AS place, a.defaclobjtype AS kind, e.grantee, e.privilege_type, e.is_grantable, true AS gives
            FROM pg_default_acl a CROSS JOIN LATERAL aclexplode(a.defaclacl) AS e
            WHERE NOT (a.defaclnamespace = 0 AND EXISTS (SELECT FROM aclexplode(acldefault(CASE a.defaclobjtype WHEN 'S' THEN 's' ELSE a.defaclobjtype END, a.defaclrole)) AS b
                                                         WHERE b.grantee = e.grantee AND b.privilege_type = e.privilege_type AND b.is_grantable = e.is_grantable))
            UNION ALL
            SELECT a.defaclrole, 0::oid, a.defaclobjtype, b.grantee, b.privilege_type, b.is_grantable, false
            FROM pg_default_acl a CROSS JOIN LATERAL aclexplode(acldefault(CASE a.defaclobjtype WHEN 'S' THEN 's' ELSE a.defaclobjtype END, a.defaclrole)) AS b
            WHERE a.defaclnamespace = 0 AND NOT EXISTS (SELECT FROM aclexplode(a.defaclacl) AS e WHERE e.grantee = b.grantee AND e.privilege_type = b.privilege_type)
        ), wanted AS (
            SELECT DISTINCT CASE WHEN l.maker = ANY (users) THEN shared ELSE l.maker END AS maker, l.place, l.kind,
                   CASE WHEN l.grantee = ANY (users) THEN shared ELSE l.grantee END AS grantee, l.privilege_type, l.is_grantable, l.gives,
                   CASE WHEN l.maker <> ALL (users) THEN l.grantee END AS former
            FROM listed l
            WHERE l.maker = ANY (users) OR l.gives AND l.grantee = ANY (users)
        )
        SELECT w.*, n.nspname, EXISTS (
                   SELECT FROM listed l WHERE l.maker = w.maker AND l.place = w.place AND l.kind = w.kind AND l.grantee = w.grantee
                     AND l.privilege_type = w.privilege_type AND l.gives = w.gives AND (l.is_grantable OR NOT w.is_grantable)) AS there
        FROM wanted w LEFT JOIN pg_namespace n ON n.oid = w.place
        WHERE NOT (w.gives AND w.maker = w.grantee)
    LOOP
        place := CASE WHEN item.place <> 0 THEN format('IN SCHEMA %I ', item.nspname) ELSE '' END;
        act := item.privilege_type || ' ON ' || CASE item.kind WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
                                                               WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END;
        receiver := CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE item.grantee::regrole::text END;
        IF current_setting('pgrotator.telling', true) = 'on' THEN
            IF NOT item.there THEN
                RAISE NOTICE 'lacking: %', regexp_replace(format('default privileges for what %s makes: %s%s %s', CASE item.maker WHEN shared THEN 'the shared role' ELSE item.maker::regrole::text END,
                    place, CASE WHEN item.gives THEN 'GRANT ' || act || ' TO' ELSE 'REVOKE ' || act || ' FROM' END, CASE item.grantee WHEN shared THEN 'the shared role' ELSE receiver END),
                    '[[:cntrl:]]', '?', 'g');
            END IF;
            CONTINUE;
        END IF;
        IF NOT item.there THEN
            EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s', item.maker::regrole, place)
                    || CASE WHEN item.gives THEN format('GRANT %s TO %s', act, receiver) ELSE format('REVOKE %s FROM %s', act, receiver) END
                    || CASE WHEN item.gives AND item.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END;
            made := made + 1;
        END IF;
        IF item.former IS NOT NULL THEN
            EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %sREVOKE %s FROM %s', item.maker::regrole, place, act, item.former::regrole);
        END IF;
    END LOOP;
    IF made > 0 THEN
        RAISE NOTICE 'changed: %', regexp_replace(format('in database %I, gave %s %s default privileges of the users', current_database(), shared::regrole, made), '[[:cntrl:]]', '?', 'g');
    END IF;
END $do$;
