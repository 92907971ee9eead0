-- Sets the session's own password. Without SET ROLE NONE the session would be the shared role, which may not.
BEGIN;
SET LOCAL ROLE NONE;
ALTER ROLE :"user" PASSWORD $1;
COMMIT
