-- Makes a user become its shared role when it logs in.
ALTER ROLE :"user" SET role = :'shared';
