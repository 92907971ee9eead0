-- Lets login roles into a database.
GRANT CONNECT ON DATABASE :"database" TO :"users";
