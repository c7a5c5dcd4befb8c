-- Takes the lock of the tables that tenants share, and waits for it, when a table of the schema refers to one of them.
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
    ) THEN {lock}
END
