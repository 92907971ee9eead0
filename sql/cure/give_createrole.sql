-- Lets a role make roles, and up to PostgreSQL 15 alter and drop every ordinary one.
SET ROLE NONE; ALTER ROLE :"role" CREATEROLE;
