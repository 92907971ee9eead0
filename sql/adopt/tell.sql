-- Tells, each in a NOTICE that begins with "lacking: ", what the users own and were granted in this database and the shared role lacks. For a
-- transaction that is rolled back.
SET TRANSACTION READ ONLY;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL pgrotator.telling = 'on';
\ir list.sql
\ir grants.sql
\ir defaults.sql
\ir mappings.sql
\ir policies.sql
\ir ownership.sql
