-- For a DBA with psql, in each further database in which a pair's users own or were granted something, before setup.sql is run in the secret's
-- with the same names and SET pgrotator.adopt = 'on': makes all of that the shared role's, in one transaction. Repeatable.
--   psql "host=... dbname=... user=..." -c "SET pgrotator.username = 'app'" -c "SET pgrotator.partner = 'app_b'" \
--        -c "SET pgrotator.role = 'app_owner'" -f sql/adopt.sql
\set ON_ERROR_STOP on
\ir adopt/shared.sql
\ir adopt/roles.sql
\ir adopt/database.sql
