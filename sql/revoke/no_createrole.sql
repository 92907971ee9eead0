-- Takes CREATEROLE from the shared role, with which it could undo everything else up to PostgreSQL 15.
ALTER ROLE :"shared" NOCREATEROLE
