-- Takes LOGIN away from a role through the function that setup made.
SELECT :"schema".lock_role($1::text)
