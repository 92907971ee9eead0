-- The sweep's tables in schema $1, as they are: whose (the session's role or $2, the owner role, count as ours), what about them
-- could run another's code, their columns, and whether the session's role may use them.
SELECT c.relname::text,
       o.rolname::text,
       o.rolname IN (current_user, $2::text),
       pg_catalog.concat_ws(', ',
           CASE WHEN c.relkind <> 'r' OR c.relpersistence <> 'p' OR c.relispartition
                     OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
                THEN 'is no plain table' END,
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid) THEN 'has a trigger' END,
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid) THEN 'has a rule' END,
           CASE WHEN c.relrowsecurity THEN 'has row security' END,
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype NOT IN ('p', 'n'))
                  OR EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND NOT x.indisprimary)
                THEN 'has constraints or indexes that are not setup''s' END,
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid AND pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                             NOT IN ('now()', '''Active''::text', '''first seen''::text'))
                THEN 'has defaults that are not setup''s' END),
       ARRAY(SELECT a.attname::text || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
             FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attname),
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
           AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
WHERE n.nspname = $1::text AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action')
ORDER BY c.relname
