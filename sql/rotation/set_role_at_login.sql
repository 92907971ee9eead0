-- Makes a user become the shared role when it logs in.
ALTER ROLE :"user" SET role = :"shared"
