-- $1 schemas, $2 tables: those of each schema, what is deleted along with their rows, and all keys that refer to any of
-- them; a line for each schema, in order.
-- The catalogs are entered by names and by what depends on a table, so that other schemas cost nothing.
WITH RECURSIVE wanted AS (
    SELECT name.number, space.oid AS space
    FROM unnest($1) WITH ORDINALITY AS name (name, number)
    LEFT JOIN pg_namespace AS space ON space.nspname = name.name
),
root AS (
    SELECT wanted.number, class.oid
    FROM wanted
    CROSS JOIN unnest($2) AS name
    JOIN pg_class AS class ON class.relname = name AND class.relnamespace = wanted.space
),
family AS (
    SELECT number, oid FROM root
    UNION
    SELECT family.number, key.conrelid
    FROM family
    JOIN pg_depend AS depends
        ON depends.refclassid = 'pg_class'::regclass AND depends.refobjid = family.oid
            AND depends.classid = 'pg_constraint'::regclass
    JOIN pg_constraint AS key ON key.oid = depends.objid
    WHERE key.contype = 'f' AND key.confrelid = family.oid AND key.conparentid = 0 AND key.confdeltype = 'c'
),
key AS (
    SELECT DISTINCT family.number, key.oid, key.conrelid, key.confrelid, key.confdeltype, key.conkey, key.confkey
    FROM family
    JOIN pg_depend AS depends
        ON depends.refclassid = 'pg_class'::regclass AND depends.refobjid = family.oid
            AND depends.classid = 'pg_constraint'::regclass
    JOIN pg_constraint AS key ON key.oid = depends.objid
    WHERE key.contype = 'f' AND key.confrelid = family.oid AND key.conparentid = 0
),
-- Partitions and inheritors at any depth, each with the one right below the root.
tree AS (
    SELECT number, oid AS root, oid, NULL::oid AS top FROM family
    UNION ALL
    SELECT tree.number, tree.root, heir.inhrelid, COALESCE(tree.top, heir.inhrelid)
    FROM tree
    JOIN pg_inherits AS heir ON heir.inhparent = tree.oid
)
SELECT wanted.number, jsonb_build_object(
    'tables', (
        SELECT jsonb_agg(jsonb_build_object(
            'oid', class.oid::bigint,
            'schema', space.nspname,
            'name', class.relname,
            'full_name', format('%I.%I', space.nspname, class.relname),
            'kind', class.relkind,
            'range_key', (
                SELECT attribute.attname
                FROM pg_partitioned_table AS partitioned
                JOIN pg_attribute AS attribute
                    ON attribute.attrelid = class.oid AND attribute.attnum = partitioned.partattrs[0]
                WHERE partitioned.partrelid = class.oid AND partitioned.partstrat = 'r' AND partitioned.partnatts = 1
            ),
            'columns', (
                SELECT jsonb_agg(jsonb_build_object(
                    'name', attribute.attname,
                    'number', attribute.attnum,
                    'type', format_type(attribute.atttypid, attribute.atttypmod),
                    'base', format_type(COALESCE(NULLIF(type.typbasetype, 0), type.oid), NULL),
                    'length', attribute.attlen,
                    'indexed', EXISTS (
                        SELECT FROM pg_index AS index
                        WHERE index.indrelid = class.oid AND index.indisvalid AND index.indkey[0] = attribute.attnum
                    )
                ) ORDER BY attribute.attnum)
                FROM pg_attribute AS attribute
                JOIN pg_type AS type ON type.oid = attribute.atttypid
                WHERE attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
            ),
            'is_referred_to_in_part', EXISTS (
                SELECT FROM tree
                JOIN pg_depend AS depends
                    ON depends.refclassid = 'pg_class'::regclass AND depends.refobjid = tree.oid
                        AND depends.classid = 'pg_constraint'::regclass
                JOIN pg_constraint AS key ON key.oid = depends.objid
                WHERE tree.number = wanted.number AND tree.root = class.oid AND tree.oid <> class.oid
                    AND key.contype = 'f' AND key.confrelid = tree.oid AND key.conparentid = 0 AND key.confdeltype = 'c'
            ),
            'units', (
                SELECT COALESCE(jsonb_agg(jsonb_build_object(
                    'full_name', format('%I.%I', unit_space.nspname, unit.relname),
                    'kind', unit.relkind,
                    -- What is dropped meanwhile has no size any more.
                    'blocks', COALESCE(pg_relation_size(unit.oid), 0) / current_setting('block_size')::int,
                    -- As the planner has it: as many in each block as there were when they were counted.
                    'rows', CASE
                        WHEN unit.relpages > 0 THEN unit.reltuples / unit.relpages
                            * COALESCE(pg_relation_size(unit.oid), 0) / current_setting('block_size')::int
                        ELSE unit.reltuples
                    END,
                    'top_name', quote_ident(top_space.nspname) || '.' || quote_ident(top.relname),
                    'has_end', COALESCE(pg_get_expr(top.relpartbound, top.oid) ~ 'TO \(''[^'']*''\)$', false)
                ) ORDER BY unit.oid), '[]')
                FROM tree
                JOIN pg_class AS unit ON unit.oid = tree.oid
                JOIN pg_namespace AS unit_space ON unit_space.oid = unit.relnamespace
                LEFT JOIN pg_class AS top ON top.oid = tree.top
                LEFT JOIN pg_namespace AS top_space ON top_space.oid = top.relnamespace
                WHERE tree.number = wanted.number AND tree.root = class.oid AND unit.relkind <> 'p'
            )
        ))
        FROM family
        JOIN pg_class AS class ON class.oid = family.oid
        JOIN pg_namespace AS space ON space.oid = class.relnamespace
        WHERE family.number = wanted.number
    ),
    'keys', (
        SELECT jsonb_agg(jsonb_build_object(
            'child', key.conrelid::bigint,
            'child_name', format('%I.%I', space.nspname, class.relname),
            'parent', key.confrelid::bigint,
            'on_delete', key.confdeltype,
            'columns', (
                SELECT jsonb_agg(jsonb_build_array(child.attname, parent.attname) ORDER BY pair.number)
                FROM unnest(key.conkey, key.confkey) WITH ORDINALITY AS pair (child, parent, number)
                JOIN pg_attribute AS child ON child.attrelid = key.conrelid AND child.attnum = pair.child
                JOIN pg_attribute AS parent ON parent.attrelid = key.confrelid AND parent.attnum = pair.parent
            )
        ) ORDER BY class.relname, key.oid)
        FROM key
        JOIN pg_class AS class ON class.oid = key.conrelid
        JOIN pg_namespace AS space ON space.oid = class.relnamespace
        WHERE key.number = wanted.number
    )
)
FROM wanted
ORDER BY 1
