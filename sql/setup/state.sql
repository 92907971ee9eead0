-- What setup must know before it touches anything. $1 the AWSCURRENT user; $2 its partner; $3 the shared role; $4 the owner role. The
-- secret that the pair is recorded for stands in the comment of the owner role's schema, of which nobody but that role can write one.
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1::text),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $2::text),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $3::text),
       coalesce((SELECT pg_catalog.substring(pg_catalog.obj_description(n.oid, 'pg_namespace'), '^pgrotator: secret (.+)$')
                 FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner AND o.rolname = n.nspname
                 WHERE n.nspname = $4::text), ''),
       EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = $4::text),
\ir records.sql
