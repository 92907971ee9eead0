-- Gives LOGIN back to a role.
ALTER ROLE :"role" LOGIN
