-- Lets one sweep at a time work, until the transaction's end. Autovacuum takes the same mode, for a moment.
LOCK TABLE :"state_schema".user_login_action IN SHARE UPDATE EXCLUSIVE MODE
