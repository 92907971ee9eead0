-- Makes a user a member of a shared role, up to PostgreSQL 15, where memberships have no such options.
GRANT :"shared" TO :"user";
