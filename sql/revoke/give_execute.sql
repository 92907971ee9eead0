-- Lets the shared role set the pair through the function of setup again.
GRANT EXECUTE ON FUNCTION :"schema".set_other_user(text, timestamptz) TO :"shared"
