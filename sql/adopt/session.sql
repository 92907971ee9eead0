-- What every transaction of an adoption works under. Nothing waits for a lock for longer than a tenth of the time after which PostgreSQL looks for
-- deadlocks: in one, the victim would be a client.
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL statement_timeout = 0;
DO $do$
BEGIN
    PERFORM set_config('lock_timeout', (SELECT greatest(s.setting::int / 10, 20) FROM pg_settings s WHERE s.name = 'deadlock_timeout') || 'ms', true);
END $do$;
