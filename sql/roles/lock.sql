-- Takes LOGIN away from a role.
ALTER ROLE :"role" NOLOGIN
