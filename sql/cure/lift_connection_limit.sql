-- Takes a role's own bound on its connections away.
ALTER ROLE :"role" CONNECTION LIMIT -1;
