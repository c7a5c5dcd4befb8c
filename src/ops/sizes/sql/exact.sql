-- The sizes of the files of the tables $1: of the table, its indexes, its TOAST. NULLs where the table is gone.
--
-- PostgreSQL's functions open what they measure, and so would wait for whoever changes it. Therefore a table is left
-- alone that somebody changes, or waits to change, or of which that is true of an index or its TOAST.
WITH changing AS MATERIALIZED (
    SELECT relation
    FROM pg_locks
    WHERE locktype = 'relation'
      AND mode = 'AccessExclusiveLock'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
), wanted AS MATERIALIZED (
    SELECT c.oid,
           c.reltoastrelid AS toast,
           EXISTS (SELECT FROM changing)
           AND EXISTS (
               SELECT FROM changing
               WHERE relation IN (c.oid, c.reltoastrelid)
                  OR relation IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (c.oid, c.reltoastrelid))
           ) AS is_changing
    FROM pg_class AS c
    WHERE c.oid = ANY ($1)
)
SELECT oid,
       is_changing,
       CASE WHEN NOT is_changing THEN
           pg_relation_size(oid) + pg_relation_size(oid, 'fsm') + pg_relation_size(oid, 'vm')
           + pg_relation_size(oid, 'init')
       END,
       CASE WHEN NOT is_changing THEN pg_indexes_size(oid) END,
       CASE WHEN NOT is_changing THEN COALESCE(pg_total_relation_size(NULLIF(toast, 0)), 0) END
FROM wanted
