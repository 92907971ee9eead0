-- What changes hands to the role pgrotator.heir_oid in this database and works otherwise from then on: what runs with its owner's
-- rights, and what the heir is granted that it lacks. It changes nothing. Names may hold what a terminal obeys: control characters
-- are not shown.
SELECT k.kind AS "from now on",
       pg_catalog.count(*) AS "how many",
       pg_catalog.string_agg(pg_catalog.regexp_replace(k.name, '[[:cntrl:]]', '?', 'g'), ', ' ORDER BY k.name) FILTER (WHERE k.place <= 20)
           || CASE WHEN pg_catalog.count(*) > 20 THEN ', ...' ELSE '' END AS "which"
FROM (SELECT x.kind, x.name, pg_catalog.row_number() OVER (PARTITION BY x.kind ORDER BY x.name) AS place
      FROM (SELECT 'SECURITY DEFINER function that runs as the heir' AS kind, p.oid::pg_catalog.regprocedure::pg_catalog.text AS name
            FROM pg_catalog.pg_proc p WHERE p.proowner = pg_catalog.current_setting('pgrotator.leaver_oid')::pg_catalog.oid AND p.prosecdef
            UNION ALL
            SELECT 'view that reads as the heir', c.oid::pg_catalog.regclass::pg_catalog.text
            FROM pg_catalog.pg_class c WHERE c.relowner = pg_catalog.current_setting('pgrotator.leaver_oid')::pg_catalog.oid AND c.relkind IN ('v', 'm')
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                              WHERE o.option_name = 'security_invoker' AND o.option_value::pg_catalog.bool)
            UNION ALL
            SELECT 'index whose expressions are computed as the heir', i.indexrelid::pg_catalog.regclass::pg_catalog.text
            FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
            WHERE c.relowner = pg_catalog.current_setting('pgrotator.leaver_oid')::pg_catalog.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
            UNION ALL
            SELECT 'rule whose statements run as the heir', pg_catalog.quote_ident(w.rulename) || ' on ' || c.oid::pg_catalog.regclass
            FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
            WHERE c.relowner = pg_catalog.current_setting('pgrotator.leaver_oid')::pg_catalog.oid AND c.relkind NOT IN ('v', 'm')
            UNION ALL
            SELECT 'trigger on a table of the heir, run as whoever writes', pg_catalog.quote_ident(g.tgname) || ' on ' || c.oid::pg_catalog.regclass
            FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
            WHERE c.relowner = pg_catalog.current_setting('pgrotator.leaver_oid')::pg_catalog.oid AND NOT g.tgisinternal
            UNION ALL
            SELECT 'schema granted to the heir: USAGE, which stays, and CREATE for the moment', pg_catalog.quote_ident(n.nspname)
            FROM pg_catalog.pg_namespace n WHERE n.oid = ANY (pg_catalog.current_setting('pgrotator.schemas')::pg_catalog.oid[])
            UNION ALL
            SELECT 'foreign data wrapper granted to the heir: USAGE, which stays', pg_catalog.quote_ident(w.fdwname)
            FROM pg_catalog.pg_foreign_data_wrapper w WHERE w.oid = ANY (pg_catalog.current_setting('pgrotator.wrappers')::pg_catalog.oid[])
            UNION ALL
            SELECT 'database granted to the heir: CREATE for the moment, for publications', pg_catalog.quote_ident(pg_catalog.current_database())
            WHERE pg_catalog.current_setting('pgrotator.creates')::pg_catalog.bool
           ) AS x (kind, name)) AS k
GROUP BY k.kind ORDER BY k.kind;
