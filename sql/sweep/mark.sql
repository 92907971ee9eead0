-- Gives roles another status, without touching the roles: $1 names, $2 their oids, $3 statuses, $4 why, for the record.
WITH marked AS (
    UPDATE :"state_schema".user_login_status s
    SET status = m.status, status_changed_at = pg_catalog.clock_timestamp()
    FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::int8[]), pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[])) AS m (name, oid, status, detail)
    WHERE s.user_name = m.name AND s.role_oid = m.oid::oid AND s.status <> m.status
    RETURNING s.user_name, s.status, m.detail
)
INSERT INTO :"state_schema".user_login_action (happened_at, user_name, action, detail)
SELECT pg_catalog.clock_timestamp(), m.user_name, 'marked ' || m.status, m.detail::jsonb FROM marked m
