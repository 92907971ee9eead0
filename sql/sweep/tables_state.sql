-- The sweep's tables in schema $1, as they are: whose, what about them could run another's code, and their columns.
SELECT c.relname::text,
       o.rolname::text,
       pg_catalog.concat_ws(', ',
           CASE WHEN c.relkind <> 'r' OR c.relpersistence <> 'p' OR c.relispartition
                     OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
                THEN 'is no plain table' END,
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid) THEN 'has a trigger' END,
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid) THEN 'has a rule' END,
           CASE WHEN c.relrowsecurity THEN 'has row security' END),
       ARRAY(SELECT a.attname::text || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
             FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attname)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
WHERE n.nspname = $1::text AND c.relname IN ('user_login_status', 'user_login_job_status', 'user_login_action')
ORDER BY c.relname
