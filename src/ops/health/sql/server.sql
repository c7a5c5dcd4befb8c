-- The server's own view of itself, one row.
SELECT current_setting('server_version'),
       current_setting('server_version_num')::int,
       pg_is_in_recovery(),
       extract(epoch FROM now() - pg_postmaster_start_time())::bigint,
       extract(epoch FROM now())::bigint,
       current_setting('max_connections')::int,
       current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true)::int, 0),
       sessions.all_of_them,
       sessions.of_role,
       sessions.idle,
       own.numbackends,
       database.datconnlimit,
       role.rolconnlimit,
       -- As the server computes the size of its table of locks.
       current_setting('max_locks_per_transaction')::bigint * (
           current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int
           -- Since version 18 there are slots for more of them than may work.
           + coalesce(current_setting('autovacuum_worker_slots', true), current_setting('autovacuum_max_workers'))::int
           + current_setting('max_worker_processes')::int
           + current_setting('max_wal_senders')::int + 1
       ),
       current_setting('max_locks_per_transaction')::int,
       current_setting('autovacuum')::bool,
       current_setting('track_counts')::bool,
       current_setting('autovacuum_max_workers')::int,
       current_user
FROM (
    -- Of sessions that others have, only who they are is to be seen.
    SELECT count(*) AS all_of_them,
           count(*) FILTER (WHERE usename = current_user) AS of_role,
           count(*) FILTER (WHERE state = 'idle') AS idle
    FROM pg_stat_activity
    WHERE usesysid IS NOT NULL AND datid IS NOT NULL AND leader_pid IS NULL
) AS sessions
JOIN pg_stat_database AS own ON own.datname = current_database()
JOIN pg_database AS database ON database.oid = own.datid
JOIN pg_roles AS role ON role.rolname = current_user
