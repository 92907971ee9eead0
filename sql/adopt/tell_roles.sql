-- Tells in the same way the attributes and memberships that the users have and the shared role lacks.
SET TRANSACTION READ ONLY;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL pgrotator.telling = 'on';
\ir powers.sql
