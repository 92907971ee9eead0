-- Whether one of the two roles $1 and $2 is the clone of the other that AWS's multi-user rotation function makes: it bears the other's name with
-- _clone, and inherits from it, which whoever only administers it does not (SecretsManagerRDSPostgreSQLRotationMultiUser, get_alt_username and set_secret).
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles x JOIN pg_catalog.pg_roles c ON c.rolname = x.rolname || '_clone'
               WHERE ARRAY[x.rolname, c.rolname]::text[] <@ ARRAY[$1::text, $2::text] AND pg_catalog.pg_has_role(c.oid, x.oid, 'USAGE'))
