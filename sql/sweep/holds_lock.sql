-- Whether this session still holds the sweep's lock.
SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l
               WHERE l.pid = pg_catalog.pg_backend_pid() AND l.granted AND l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock')
