-- The logins that are being authenticated on this instance, and for how many seconds the server lets one take. Such a process is in a
-- transaction already, and of no user yet: up to 17 pg_stat_activity has no row of it, from 18 on one without a user, as of an autovacuum
-- worker or a standby's startup process; a login for replication is a walsender's from its first message on. Whoever may not see which of
-- them it is takes it for a login, unless it locks a relation.
SELECT l.pid, l.virtualtransaction, (SELECT s.setting::int FROM pg_catalog.pg_settings s WHERE s.name = 'authentication_timeout')
FROM pg_catalog.pg_locks l
WHERE l.locktype = 'virtualxid' AND l.granted AND l.mode = 'ExclusiveLock' AND l.pid IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_stat_activity a
    WHERE a.pid = l.pid AND (a.usesysid IS NOT NULL OR pg_catalog.current_setting('server_version_num')::int < 180000
      OR coalesce(a.backend_type NOT IN ('client backend', 'walsender'),
        EXISTS (SELECT FROM pg_catalog.pg_locks r WHERE r.pid = l.pid AND r.locktype = 'relation'))))
