-- Undoes a prepared transaction of the session's role, in its database.
ROLLBACK PREPARED $1
