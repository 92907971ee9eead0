-- Records which secret a pair is of, up to PostgreSQL 15, where the master is a member of the owner role.
SET ROLE NONE; COMMENT ON SCHEMA :"owner" IS :'comment';
