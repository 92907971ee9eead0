-- Stops an adoption, and undoes what it did in this database, where the shared role would lack what a user was granted.
DO $do$
DECLARE
    shared oid := current_setting('pgrotator.shared')::oid;
    first  record;
BEGIN
    SELECT g.*, count(*) OVER () AS n INTO first FROM json_to_recordset(current_setting('pgrotator.grants')::json)
        AS g (object text, owner oid, grantor oid, grantee oid, grantable bool, privileges text, lacking bool)
    WHERE g.lacking AND g.owner <> ALL (current_setting('pgrotator.users')::oid[]) ORDER BY g.object LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%', regexp_replace(format('in database %I, %I may not grant %s on %s as %s, who granted it to %s', current_database(), current_user, first.privileges, first.object, first.grantor::regrole, first.grantee::regrole), '[[:cntrl:]]', '?', 'g')
            USING DETAIL = format('There are %s such grants. Nothing was moved in this database.', first.n),
                  HINT = format('Let %s, or a superuser, run: GRANT %s ON %s TO %s%s. Then run setup again.', first.grantor::regrole, first.privileges, first.object, shared::regrole,
                                CASE WHEN first.grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END IF;
END $do$;
