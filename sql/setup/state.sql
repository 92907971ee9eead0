-- What setup must know before it touches anything. $1 the AWSCURRENT user; $2 its partner; $3 the shared role.
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1::text),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $2::text),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $3::text),
\ir records.sql
