-- Gives, up to PostgreSQL 15, what an upgrade to 16 turns into the right to alter roles.
SET ROLE NONE; GRANT :"roles" TO :"by" WITH ADMIN OPTION;
