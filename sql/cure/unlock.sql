-- Lets a role log in again.
ALTER ROLE :"role" LOGIN;
