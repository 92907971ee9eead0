-- Makes the session's own user become the shared role when it logs in. Without SET ROLE NONE the session may be another role,
-- which may not.
BEGIN;
SET LOCAL ROLE NONE;
ALTER ROLE :"user" SET role = :"shared";
COMMIT
