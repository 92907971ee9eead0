-- Makes the shared role of a pair.
CREATE ROLE :"shared" NOLOGIN;
