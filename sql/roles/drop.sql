-- Drops a role.
DROP ROLE :"role"
