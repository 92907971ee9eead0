-- What in this database asks who the user is, or has the name of one of the users $1 (oids) as a text: an adoption leaves it as it is.
SELECT pg_catalog.regexp_replace(t.what, '[[:cntrl:]]', '?', 'g')
FROM (
    SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, p.polrelid, pg_catalog.format('the row policy %I on table %s', p.polname, p.polrelid::pg_catalog.regclass),
           pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_catalog.pg_policy p
    UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid, d.adrelid, pg_catalog.format('the default of column %I of table %s', a.attname, d.adrelid::pg_catalog.regclass), pg_catalog.pg_get_expr(d.adbin, d.adrelid)
    FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid, c.conrelid, pg_catalog.format('the constraint %I of table %s', c.conname, c.conrelid::pg_catalog.regclass), pg_catalog.pg_get_expr(c.conbin, c.conrelid)
    FROM pg_catalog.pg_constraint c WHERE c.contype = 'c' AND c.conrelid <> 0
    UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, g.oid, g.tgrelid, pg_catalog.format('the trigger %I on table %s', g.tgname, g.tgrelid::pg_catalog.regclass), pg_catalog.pg_get_triggerdef(g.oid)
    FROM pg_catalog.pg_trigger g WHERE NOT g.tgisinternal
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, v.oid, v.oid, 'the view ' || v.oid::pg_catalog.regclass, pg_catalog.pg_get_viewdef(v.oid)
    FROM pg_catalog.pg_class v WHERE v.relkind IN ('v', 'm')
    UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, f.oid, 0, 'the function ' || f.oid::pg_catalog.regprocedure, pg_catalog.concat_ws(' ', f.prosrc, pg_catalog.pg_get_function_sqlbody(f.oid))
    FROM pg_catalog.pg_proc f
) AS t (class, object, relation, what, body)
LEFT JOIN pg_catalog.pg_class r ON r.oid = t.relation
LEFT JOIN pg_catalog.pg_proc f ON t.class = 'pg_catalog.pg_proc'::pg_catalog.regclass AND f.oid = t.object
JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(r.relnamespace, f.pronamespace)
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^(pg_toast|pg_temp|rotation_)'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = t.class AND e.objid = t.object AND e.deptype = 'e')
  AND (t.body ~* '\m(current_user|session_user|current_role)\M' OR f.oid IS NULL AND t.body ~ '\mUSER\M'
    OR EXISTS (SELECT FROM pg_catalog.pg_roles u WHERE u.oid = ANY ($1::text::oid[]) AND pg_catalog.strpos(t.body, pg_catalog.quote_literal(u.rolname)) > 0))
ORDER BY 1
