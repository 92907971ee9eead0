-- Stops an adoption by psql before the users become the shared role, where they still own or hold something in another database.
BEGIN;
\ir session.sql
DO $do$
DECLARE
    others text := (SELECT string_agg(DISTINCT quote_ident(d.datname), ', ') FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
                    WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY (current_setting('pgrotator.users')::oid[]) AND d.datname <> current_database()
                      AND s.classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass));
BEGIN
    IF others IS NOT NULL THEN
        RAISE EXCEPTION '%', regexp_replace(format('the users still own objects or hold grants in %s', others), '[[:cntrl:]]', '?', 'g')
            USING HINT = 'Run sql/adopt.sql there, then this again. A grant of a superuser''s that stays there: let a superuser revoke it.';
    END IF;
END $do$;
COMMIT;
