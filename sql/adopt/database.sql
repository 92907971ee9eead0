-- Moves what the users own and were granted in this database, and in what all databases share, to the shared role: all of it, or nothing.
-- What takes locks on tables comes last.
BEGIN;
\ir session.sql
\ir list.sql
\ir lend.sql
\ir grants.sql
\ir list.sql
\ir refuse.sql
\ir defaults.sql
\ir mappings.sql
\ir take_back.sql
\ir policies.sql
\ir ownership.sql
\ir return.sql
COMMIT;
