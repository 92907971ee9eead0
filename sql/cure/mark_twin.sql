-- Says that a user is the other of a pair.
COMMENT ON ROLE :"user" IS :'comment';
