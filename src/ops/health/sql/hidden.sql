-- Whether the role sees what others' sessions do, and how many it cannot see into.
SELECT pg_has_role('pg_read_all_stats', 'USAGE'), count(*), count(DISTINCT usename)
FROM pg_stat_activity
WHERE datname = current_database() AND usesysid IS NOT NULL AND NOT pg_has_role(usesysid, 'USAGE')
