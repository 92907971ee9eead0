-- What the users are, apart from any database, in a transaction of its own.
BEGIN;
\ir session.sql
\ir list.sql
\ir lend.sql
\ir powers.sql
\ir return.sql
COMMIT;
