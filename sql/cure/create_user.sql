-- Makes a login role, which has no password yet.
SET ROLE NONE; CREATE ROLE :"user" LOGIN;
