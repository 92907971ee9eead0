-- Sets a locked user's password by its verifier, and leaves it locked.
ALTER ROLE :"user" NOLOGIN PASSWORD $1 VALID UNTIL $2
