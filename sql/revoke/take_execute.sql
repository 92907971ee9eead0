-- Keeps the shared role from setting the pair through the function of setup.
REVOKE EXECUTE ON FUNCTION :"schema".set_other_user(text, timestamptz) FROM :"shared"
