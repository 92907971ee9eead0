-- Says of a user that a rotation has made whose twin it is.
COMMENT ON ROLE :"user" IS $1
