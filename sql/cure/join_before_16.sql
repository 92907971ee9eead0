-- Makes a user a member of a shared role, up to PostgreSQL 15, where memberships have no such options.
SET ROLE NONE; GRANT :"shared" TO :"user";
