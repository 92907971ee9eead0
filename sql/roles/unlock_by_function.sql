-- Gives LOGIN back to a role through the function that setup made.
SELECT :"schema".unlock_role($1::text)
