-- The databases there are, and whether this database's encoding has their names: one that it has not is shown byte by byte, since its
-- conversion may fail.
SELECT d.oid::int8, d.plain, CASE WHEN d.plain THEN d.name ELSE d.bytes END, d.datallowconn, CASE WHEN o.rolname::text !~ '[^ -~]' THEN o.rolname::text ELSE '' END
FROM (SELECT d.oid, d.datdba, d.datallowconn, d.datname::text AS name,
             d.datname::text !~ '[^ -~]' OR pg_catalog.getdatabaseencoding() = 'UTF8' AS plain,
             (SELECT pg_catalog.string_agg(CASE WHEN b.byte BETWEEN 32 AND 126 THEN pg_catalog.chr(b.byte)
                                                ELSE '\x' || pg_catalog.lpad(pg_catalog.to_hex(b.byte & 255), 2, '0') END, '' ORDER BY b.n)
              FROM (SELECT n, (d.datname)[n]::int4 AS byte FROM pg_catalog.generate_series(0, 62) AS n) AS b WHERE b.byte <> 0) AS bytes
      FROM pg_catalog.pg_database d) AS d
JOIN pg_catalog.pg_roles o ON o.oid = d.datdba
ORDER BY d.oid
