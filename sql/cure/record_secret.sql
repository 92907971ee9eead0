-- Records which secret a pair is of. The master is a member of the owner role for as long as it takes.
SET ROLE NONE; GRANT :"owner" TO CURRENT_USER WITH INHERIT TRUE; COMMENT ON SCHEMA :"owner" IS :'comment'; REVOKE :"owner" FROM CURRENT_USER;
