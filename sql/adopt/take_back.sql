-- Takes from the users what the shared role was granted in their place: first what they granted to others, which the shared role has granted
-- again, then their own. Where the grantor is nobody whom one may act for it stays, and does no harm: the shared role has it too.
DO $do$
DECLARE
    users   oid[] := current_setting('pgrotator.users')::oid[];
    me      name := current_user;
    becomes text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    item    record;
BEGIN
    FOR item IN
        SELECT * FROM json_to_recordset(current_setting('pgrotator.grants')::json)
            AS g (object text, owner oid, grantor oid, grantee oid, grantable bool, privileges text)
        WHERE g.grantee = ANY (users) OR g.grantor <> g.owner
        ORDER BY g.grantee = ANY (users), g.grantor = ANY (users) DESC
    LOOP
        CONTINUE WHEN NOT pg_has_role(item.grantor, becomes);
        EXECUTE format('SET LOCAL ROLE %s', item.grantor::regrole);
        EXECUTE format('REVOKE %s ON %s FROM %s', item.privileges, item.object, CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE item.grantee::regrole::text END);
        EXECUTE format('SET LOCAL ROLE %I', me);
    END LOOP;
END $do$;
