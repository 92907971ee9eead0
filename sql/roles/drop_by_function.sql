-- Drops a role through the function that setup made.
SELECT :"schema".drop_role($1::text)
