-- Gives a database, by its oid, a name in ASCII.
SELECT pg_catalog.format('ALTER DATABASE %I RENAME TO renamed_:oid;', d.datname) FROM pg_catalog.pg_database d WHERE d.oid OPERATOR(pg_catalog.=) :oid \gexec
