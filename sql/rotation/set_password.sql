-- Sets another role's password by its verifier, and lets it log in.
ALTER ROLE :"user" LOGIN PASSWORD $1 VALID UNTIL $2
