-- Locks a user, whose password stays.
ALTER ROLE :"user" NOLOGIN VALID UNTIL $1
