-- Children that are joined to a parent of the schema once both are there: partitions, and tables whose columns stand
-- in another order than the one in which CREATE TABLE … INHERITS would put them.
SELECT c.relnamespace AS schema,
       CASE WHEN c.relispartition THEN 'partition' ELSE 'inheritance' END AS kind,
       format('%s OF %s', i.inhrelid::regclass, i.inhparent::regclass) AS name,
       'pg_class'::regclass::oid AS parent_class,
       c.oid AS parent_id,
       'pg_class'::regclass::oid AS needs_class,
       i.inhparent AS needs_id,
       i.inhseqno AS position,
       CASE WHEN c.relispartition THEN
           format('ALTER TABLE ONLY %s ATTACH PARTITION %s %s', i.inhparent::regclass, i.inhrelid::regclass,
                  pg_get_expr(c.relpartbound, c.oid))
       ELSE format('ALTER TABLE ONLY %s INHERIT %s', i.inhrelid::regclass, i.inhparent::regclass) END AS sql,
       CASE WHEN c.relispartition THEN
           format('ALTER TABLE ONLY %s DETACH PARTITION %s', i.inhparent::regclass, i.inhrelid::regclass)
       ELSE format('ALTER TABLE ONLY %s NO INHERIT %s', i.inhrelid::regclass, i.inhparent::regclass) END AS drop
  FROM pg_class c
  JOIN pg_inherits i ON i.inhrelid = c.oid
 WHERE c.relkind IN ('r', 'p', 'f')
   AND (c.relispartition OR {inherits_later})
   AND c.oid = ANY ($2)
   AND {not_of_an_extension:pg_class c}
