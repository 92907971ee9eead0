-- Gives roles their password logins back.
REVOKE rds_iam FROM :"users";
