-- Lets login roles into a database.
SET ROLE NONE; GRANT CONNECT ON DATABASE :"database" TO :"users";
