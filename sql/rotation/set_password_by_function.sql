-- Sets the other user of the pair through the function that setup made; answers whom it set.
SELECT :"schema".set_other_user($1::text, $2::timestamptz)
