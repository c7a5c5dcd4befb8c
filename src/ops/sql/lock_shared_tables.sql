-- Takes the lock {key} when a table of schema {schema} has a foreign key to a table outside of it, and waits for it.
SELECT CASE
    WHEN EXISTS (
        -- What lies in a schema depends on it; there is an index for that, and none on relnamespace.
        SELECT FROM pg_depend AS inside
        JOIN pg_constraint AS key ON key.conrelid = inside.objid
        JOIN pg_class AS referenced ON referenced.oid = key.confrelid
        WHERE inside.refclassid = 'pg_namespace'::regclass
          AND inside.refobjid = to_regnamespace({schema})
          AND inside.classid = 'pg_class'::regclass
          AND key.contype = 'f'
          AND referenced.relnamespace <> inside.refobjid
    ) THEN pg_advisory_xact_lock({key})
END
