-- Makes a user a member of a shared role that may become it and inherits from it.
SET ROLE NONE; GRANT :"shared" TO :"user" WITH INHERIT TRUE, SET TRUE;
