-- Prepared transactions that nobody has ended.
SELECT gid, owner, extract(epoch FROM clock_timestamp() - prepared)::bigint
FROM pg_prepared_xacts
WHERE database = current_database() AND clock_timestamp() - prepared > {seconds} * interval '1 second'
ORDER BY prepared
