-- Makes what rotation needs for one pair, and with pgrotator.sweep what the sweep needs besides, as the master user, in the
-- secret's database. Repeatable: it changes only what is missing, and says each change in a NOTICE that begins with "changed: ".
--
-- By psql, where no master secret exists (admin_a must exist and log in; \password sets its password):
--   psql "host=... dbname=... user=..." -c "SET pgrotator.username = 'admin_a'" -f sql/setup.sql
-- and before -f, as further -c, where they are wanted:
--   SET pgrotator.partner = '...', SET pgrotator.role = '...'   where the names are not X_a, X_b and X
--   SET pgrotator.secret = 'arn:...'   the pair's secret, on whose word alone setup with repair, and revoke, act for it
--   SET pgrotator.sweep = 'on'    for the sweep too; 'off' takes away what only the sweep needs; else a pair keeps what it has
--   SET pgrotator.adopt = 'on'    to give the shared role what the users own and were granted: sql/adopt.sql first in each further database
-- and -v state_schema=... where the sweep's tables are to be in another schema than the owner role's.
\set ON_ERROR_STOP on
\if :{?state_schema}
SELECT pg_catalog.set_config('pgrotator.state_schema', :'state_schema', false) \g /dev/null
\endif
SELECT coalesce(pg_catalog.current_setting('pgrotator.adopt', true), '') OPERATOR(pg_catalog.=) 'on' AS adopt \gset
\if :adopt
\ir adopt/shared.sql
\ir adopt/roles.sql
\ir adopt/database.sql
\ir adopt/elsewhere.sql
\endif
\ir setup/pair.sql
\if :adopt
\ir adopt/settings.sql
\ir adopt/database.sql
\endif
SELECT coalesce(pg_catalog.current_setting('pgrotator.sweep', true), '') OPERATOR(pg_catalog.=) 'on' AS sweep \gset
\if :sweep
\ir setup/tables.sql
\endif
\ir setup/closable.sql
