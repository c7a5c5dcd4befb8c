-- $1: a schema's name. $2: tables of it, quoted as SQL needs it, whose rows are left out. Each foreign key by which a
-- table that keeps its rows refers to one of them, with a question that has an answer where a row does.
SELECT quote_ident(child.relname),
       quote_ident(parent.relname),
       format('SELECT 1 FROM ONLY %I.%I WHERE %s LIMIT 1', space.nspname, child.relname,
              (SELECT string_agg(format('%I IS NOT NULL', attname), ' AND ')
               FROM pg_attribute
               WHERE attrelid = child.oid AND attnum = ANY (key.conkey)))
FROM pg_constraint AS key
JOIN pg_class AS child ON child.oid = key.conrelid
JOIN pg_namespace AS space ON space.oid = child.relnamespace
JOIN pg_class AS parent ON parent.oid = key.confrelid AND parent.relnamespace = space.oid
WHERE key.contype = 'f'
  AND space.nspname = $1
  AND child.relkind = 'r'
  AND quote_ident(parent.relname) = ANY ($2)
  AND quote_ident(child.relname) <> ALL ($2)
ORDER BY 1, 2
