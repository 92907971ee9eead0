-- Takes CREATEROLE from a role, with which it could undo everything else up to PostgreSQL 15.
ALTER ROLE :"role" NOCREATEROLE
