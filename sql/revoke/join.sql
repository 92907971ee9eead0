-- Makes the session's role a member that inherits, from PostgreSQL 16 on: who inherits from a role may end its sessions.
GRANT :"role" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE
