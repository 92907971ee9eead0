-- Whether the session's role can use the sweep's tables in schema $1, or could make those that are missing.
SELECT coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false)
       AND (SELECT count(*) FILTER (WHERE pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
                                      AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE')) = count(*)
                   AND (count(*) = 3 OR pg_catalog.has_schema_privilege(n.oid, 'CREATE'))
            FROM pg_catalog.pg_class c
            WHERE c.relnamespace = n.oid AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action'))
FROM (SELECT $1::text AS name) AS s
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name
