-- Makes a user a member of a shared role that may become it and inherits from it.
GRANT :"shared" TO :"user" WITH INHERIT TRUE, SET TRUE;
