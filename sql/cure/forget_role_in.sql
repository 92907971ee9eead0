-- Takes away what a user becomes in one database.
ALTER ROLE :"user" IN DATABASE :"database" RESET role;
