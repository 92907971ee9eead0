-- Takes the master's powers from a role.
REVOKE rds_superuser FROM :"user";
