-- Passes on to the role pgrotator.heir_oid, in this database and in what all databases share, what the role pgrotator.leaver_oid owns,
-- takes back what was granted to the leaver. One statement: all of it happens or nothing, whatever psql makes of errors, since DROP OWNED
-- without REASSIGN OWNED drops the tables. Both roles are told by oid: a database of another encoding reads their names differently.
-- Privileges that this needs are lent to whoever runs it, and taken back in reverse order.
DO $do$
DECLARE
    me      pg_catalog.text;
    leaver  pg_catalog.oid;
    heir    pg_catalog.oid;
    modern  boolean;           -- memberships have the options INHERIT and SET: PostgreSQL 16
    lending pg_catalog.text;
    becomes pg_catalog.text;
    lent    pg_catalog.text[];
    shown   pg_catalog.text;   -- the heir, for a terminal
    schemas pg_catalog.text[]; -- those on which the heir holds CREATE for the while
    creates boolean;           -- the heir holds CREATE on the database for the while
    item    pg_catalog.record;
    lend    boolean;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    me := current_user;
    modern := current_setting('server_version_num')::int >= 160000;
    lending := CASE WHEN modern THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
    becomes := CASE WHEN modern THEN 'SET' ELSE 'MEMBER' END;
    lent := '{}';
    schemas := '{}';
    SELECT r.oid INTO leaver FROM pg_roles r WHERE r.oid = current_setting('pgrotator.leaver_oid')::oid;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the role is gone';
    END IF;
    IF EXISTS (SELECT FROM pg_stat_activity a WHERE a.usesysid = leaver) THEN
        RAISE EXCEPTION 'role % is in use: it has a session', leaver::regrole;
    END IF;
    SELECT r.oid, regexp_replace(quote_ident(r.rolname), '[[:cntrl:]]', '?', 'g') INTO STRICT heir, shown
    FROM pg_roles r WHERE r.oid = current_setting('pgrotator.heir_oid')::oid;

    -- Whoever runs this cannot be lent a role that is, through another, a member of him.
    FOR item IN
        SELECT g.rolname AS granted, b.rolname AS grantor
        FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid LEFT JOIN pg_roles b ON b.oid = m.grantor
        WHERE m.member = leaver AND pg_has_role(g.oid, (SELECT c.oid FROM pg_roles c WHERE c.rolname = me), 'MEMBER')
    LOOP
        EXECUTE format('REVOKE %I FROM %s', item.granted, leaver::regrole)
                || CASE WHEN modern THEN format(' GRANTED BY %I', item.grantor) ELSE '' END;
    END LOOP;

    -- What others than an object's owner have granted is theirs to revoke. This comes before the owners' privileges are lent, with
    -- which PostgreSQL would take the owner for the grantor.
    FOR item IN
        SELECT DISTINCT r.oid, r.rolname AS grantor, r.rolsuper AS super, o.object
        FROM (SELECT CASE relkind WHEN 'S' THEN 'ALL ON SEQUENCE ' ELSE 'ALL ON TABLE ' END || oid::regclass, relowner, relacl FROM pg_class
              UNION ALL SELECT 'ALL (' || quote_ident(attname) || ') ON TABLE ' || c.oid::regclass, relowner, attacl FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
              UNION ALL SELECT 'ALL ON SCHEMA ' || quote_ident(nspname), nspowner, nspacl FROM pg_namespace
              UNION ALL SELECT 'ALL ON ROUTINE ' || oid::regprocedure, proowner, proacl FROM pg_proc
              UNION ALL SELECT 'ALL ON TYPE ' || oid::regtype, typowner, typacl FROM pg_type
              UNION ALL SELECT 'ALL ON LANGUAGE ' || quote_ident(lanname), lanowner, lanacl FROM pg_language
              UNION ALL SELECT 'ALL ON LARGE OBJECT ' || oid, lomowner, lomacl FROM pg_largeobject_metadata
              UNION ALL SELECT 'ALL ON FOREIGN DATA WRAPPER ' || quote_ident(fdwname), fdwowner, fdwacl FROM pg_foreign_data_wrapper
              UNION ALL SELECT 'ALL ON FOREIGN SERVER ' || quote_ident(srvname), srvowner, srvacl FROM pg_foreign_server
              UNION ALL SELECT 'ALL ON TABLESPACE ' || quote_ident(spcname), spcowner, spcacl FROM pg_tablespace
              UNION ALL SELECT 'ALL ON DATABASE ' || quote_ident(datname), datdba, datacl FROM pg_database) AS o (object, owner, acl),
             aclexplode(o.acl) AS a JOIN pg_roles r ON r.oid = a.grantor
        WHERE a.grantee = leaver AND a.grantor <> o.owner AND a.grantor <> leaver
    LOOP
        IF item.super AND item.grantor <> me THEN
            RAISE NOTICE '% was granted by %, a superuser, who alone can revoke it', regexp_replace(item.object, '[[:cntrl:]]', '?', 'g'), quote_ident(item.grantor);
            CONTINUE;
        END IF;
        lend := NOT pg_has_role(item.oid, becomes);
        IF lend THEN
            EXECUTE format('GRANT %I TO %I', item.grantor, me) || lending;
        END IF;
        EXECUTE format('SET LOCAL ROLE %I', item.grantor);
        PERFORM set_config('client_min_messages', 'error', true); -- on a sequence it warns of every column
        EXECUTE format('REVOKE %s FROM %s CASCADE', item.object, leaver::regrole);
        PERFORM set_config('client_min_messages', 'notice', true);
        EXECUTE format('SET LOCAL ROLE %I', me);
        IF lend THEN
            EXECUTE format('REVOKE %I FROM %I', item.grantor, me);
        END IF;
    END LOOP;

    -- Lent: the leaver and its heir, the owners of what carries the leaver's grants and policies, and of the schemas and the
    -- database that its objects are in. No superuser is, and nobody whom one may not grant: DROP OWNED then tells what stays.
    FOR item IN
        SELECT r.rolname, r.oid
        FROM pg_roles r
        WHERE NOT r.rolsuper AND r.rolname !~ '^(pg_|rds)' AND NOT (pg_has_role(r.oid, 'USAGE') AND pg_has_role(r.oid, becomes))
          AND (r.oid IN (leaver, heir)
               OR r.oid IN (SELECT o.refobjid FROM pg_shdepend s JOIN pg_shdepend o
                                ON o.deptype = 'o' AND o.dbid = s.dbid AND o.classid = s.classid AND o.objid = s.objid AND o.refclassid = s.refclassid
                            WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = leaver AND s.deptype <> 'o'
                              AND s.dbid IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())))
               OR r.oid IN (SELECT n.nspowner FROM pg_shdepend s
                            CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) AS i
                            JOIN pg_namespace n ON i.schema = quote_ident(n.nspname)
                            WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = leaver AND s.deptype = 'o'
                              AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
               OR r.oid = (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database())
                  AND EXISTS (SELECT FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
                              WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = leaver AND s.deptype = 'o'))
        ORDER BY r.oid IN (leaver, heir) DESC, r.oid
    LOOP
        BEGIN
            EXECUTE format('GRANT %I TO %I', item.rolname, me) || lending;
            lent := lent || item.rolname::text;
        EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation THEN
            IF item.oid IN (leaver, heir) THEN
                RAISE;
            END IF;
            RAISE NOTICE 'what % granted stays: % may not act for it', regexp_replace(quote_ident(item.rolname), '[[:cntrl:]]', '?', 'g'), quote_ident(me);
        END;
    END LOOP;

    -- What the new owner of a database's publications, and of servers, must be allowed. The database itself first: its owner is.
    IF EXISTS (SELECT FROM pg_database d WHERE d.datname = current_database() AND d.datdba = leaver) THEN
        EXECUTE format('ALTER DATABASE %I OWNER TO %s', current_database(), heir::regrole);
    END IF;
    creates := current_setting('pgrotator.creates')::boolean;
    IF creates THEN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO %s', current_database(), heir::regrole);
    END IF;
    FOR item IN
        SELECT w.fdwname FROM pg_foreign_data_wrapper w WHERE w.oid = ANY (current_setting('pgrotator.wrappers')::oid[])
    LOOP
        EXECUTE format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO %s', item.fdwname, heir::regrole);
        RAISE NOTICE 'granted USAGE on foreign data wrapper % to %', quote_ident(item.fdwname), shown;
    END LOOP;

    -- Its own schemas first: the heir needs CREATE on the schema of each object, and as the owner has it. A lock on the rest is
    -- REASSIGN OWNED's own.
    FOR item IN SELECT n.nspname FROM pg_namespace n WHERE n.nspowner = leaver LOOP
        EXECUTE format('ALTER SCHEMA %I OWNER TO %s', item.nspname, heir::regrole);
    END LOOP;
    FOR item IN
        SELECT n.oid, n.nspname, has_schema_privilege(heir, n.oid, 'USAGE') AS usable, has_schema_privilege(heir, n.oid, 'CREATE') AS creatable
        FROM pg_namespace n WHERE n.oid = ANY (current_setting('pgrotator.schemas')::oid[])
    LOOP
        BEGIN
            EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %s', item.nspname, heir::regrole);
        EXCEPTION WHEN insufficient_privilege THEN NULL; -- REASSIGN OWNED tells where CREATE is really needed: not for tables
        END;
        IF NOT item.creatable AND has_schema_privilege(heir, item.oid, 'CREATE') THEN
            schemas := schemas || item.nspname::text;
        END IF;
        IF NOT item.usable THEN
            RAISE NOTICE '%granted USAGE on schema % to %', CASE WHEN has_schema_privilege(heir, item.oid, 'USAGE') THEN '' ELSE 'its owner should have ' END,
                regexp_replace(quote_ident(item.nspname), '[[:cntrl:]]', '?', 'g'), shown;
        END IF;
    END LOOP;
    EXECUTE format('REASSIGN OWNED BY %s TO %s', leaver::regrole, heir::regrole);
    EXECUTE format('DROP OWNED BY %s', leaver::regrole);
    FOR i IN 1 .. cardinality(schemas) LOOP
        EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %s', schemas[i], heir::regrole);
    END LOOP;
    IF creates THEN
        EXECUTE format('REVOKE CREATE ON DATABASE %I FROM %s', current_database(), heir::regrole);
    END IF;
    FOR i IN REVERSE cardinality(lent) .. 1 LOOP
        EXECUTE format('REVOKE %I FROM %I', lent[i], me);
    END LOOP;
END $do$;
