-- The prepared transactions that the process $1 waits for, which are no session's: name, owner and database.
SELECT p.gid, p.owner::text, p.database::text
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = l.transactionid
WHERE l.pid = $1::int AND l.locktype = 'transactionid' AND NOT l.granted
