-- Makes a user a member of the shared role.
GRANT :"shared" TO :"user"
