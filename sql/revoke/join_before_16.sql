-- Makes the session's role a member, as setup does, up to PostgreSQL 15: who is a member may end its sessions.
GRANT :"role" TO CURRENT_USER WITH ADMIN OPTION
