-- Lets another role alter and drop roles, and no more.
GRANT :"roles" TO :"by" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
