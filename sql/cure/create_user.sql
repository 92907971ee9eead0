-- Makes a login role, which has no password yet.
CREATE ROLE :"user" LOGIN;
