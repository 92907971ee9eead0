-- Makes the shared role of a pair.
SET ROLE NONE; CREATE ROLE :"shared" NOLOGIN;
