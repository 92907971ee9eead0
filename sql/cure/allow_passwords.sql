-- Lets a role set passwords where rds.restrict_password_commands is on.
SET ROLE NONE; GRANT rds_password TO :"role";
