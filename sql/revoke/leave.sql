-- Takes back what join.sql gave.
REVOKE :"role" FROM CURRENT_USER
