-- Makes the missing user of a pair.
CREATE ROLE :"user" LOGIN PASSWORD $1 VALID UNTIL $2
