-- Lets another role alter and drop roles, and no more.
SET ROLE NONE; GRANT :"roles" TO :"by" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
