-- Who an adoption is about, by oid: those of the user $1, which comes first, and its partner $2 that exist, and the shared role $3 (0 = it does not).
SELECT ARRAY(SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname IN ($1::text, $2::text) ORDER BY r.rolname = $1::text DESC)::text,
       coalesce((SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = $3::text), 0)::text
