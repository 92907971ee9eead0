-- Keeps a role from logging in.
ALTER ROLE :"role" NOLOGIN;
