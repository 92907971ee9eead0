-- Keeps the sweep's tables as they are, until the transaction's end: nobody can drop them, or hang a trigger or a rule on them.
LOCK TABLE :"state_schema".user_login_status, :"state_schema".user_login_job_status, :"state_schema".user_login_action IN ROW EXCLUSIVE MODE
