-- Locks a user, and sets its password by its verifier.
ALTER ROLE :"user" NOLOGIN PASSWORD $1 VALID UNTIL $2
