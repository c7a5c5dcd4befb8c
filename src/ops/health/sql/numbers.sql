-- Transaction ids and multixacts: how old the oldest are, and in this database the tables that hold them back.
SELECT database.datname, age(database.datfrozenxid), mxid_age(database.datminmxid),
       database.datname = current_database(),
       (SELECT array_to_json(array_agg(name)) FROM (
            SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE relkind IN ('r', 'm') AND relfrozenxid <> '0' ORDER BY age(relfrozenxid) DESC, 1 LIMIT 3) AS t (name)),
       (SELECT array_to_json(array_agg(name)) FROM (
            SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE relkind IN ('r', 'm') AND relminmxid <> '0' ORDER BY mxid_age(relminmxid) DESC, 1 LIMIT 3) AS t (name))
FROM pg_database AS database
ORDER BY 1
