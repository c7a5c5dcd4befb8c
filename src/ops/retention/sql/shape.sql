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
    SELECT DISTINCT family.number, key.oid, key.conrelid, key.confrelid, key.confdeltype, key.conkey, key.confkey,
        key.conpfeqop
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
    'is_there', wanted.space IS NOT NULL,
    'tables', (
        SELECT jsonb_agg(jsonb_build_object(
            'oid', class.oid::bigint,
            'schema', space.nspname,
            'name', class.relname,
            'full_name', format('%I.%I', space.nspname, class.relname),
            'told', CASE WHEN class.relnamespace = wanted.space THEN '' ELSE space.nspname || '.' END || class.relname,
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
                    'base', CASE
                        WHEN type.typtype <> 'd' THEN format_type(type.oid, NULL)
                        -- A domain may be made of another.
                        ELSE (
                            WITH RECURSIVE base AS (
                                SELECT type.oid, type.typtype, type.typbasetype
                                UNION ALL
                                SELECT below.oid, below.typtype, below.typbasetype
                                FROM base
                                JOIN pg_type AS below ON below.oid = base.typbasetype
                            )
                            SELECT format_type(base.oid, NULL) FROM base WHERE base.typtype <> 'd'
                        )
                    END,
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
            -- Triggers of the table, its partitions and heirs, by the bits of pg_trigger.h: 8 is DELETE, 3 is BEFORE EACH ROW.
            'watches_deletes', EXISTS (
                SELECT FROM tree
                JOIN pg_trigger AS trigger ON trigger.tgrelid = tree.oid
                WHERE tree.number = wanted.number AND tree.root = class.oid
                    AND trigger.tgtype & 8 <> 0 AND NOT trigger.tgisinternal AND trigger.tgenabled <> 'D'
            ),
            'may_keep_rows', EXISTS (
                SELECT FROM tree
                JOIN pg_trigger AS trigger ON trigger.tgrelid = tree.oid
                WHERE tree.number = wanted.number AND tree.root = class.oid
                    AND trigger.tgtype & 11 = 11 AND NOT trigger.tgisinternal AND trigger.tgenabled <> 'D'
            ) OR EXISTS (
                SELECT FROM pg_rewrite AS rule WHERE rule.ev_class = class.oid AND rule.ev_type = '4'
            ),
            'units', (
                SELECT COALESCE(jsonb_agg(jsonb_build_object(
                    'full_name', format('%I.%I', unit_space.nspname, unit.relname),
                    'kind', unit.relkind,
                    'is_heir', class.relkind <> 'p' AND unit.oid <> class.oid,
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
            -- Those who inherit from a table do not inherit its keys.
            'child_name', CASE WHEN class.relkind = 'p' THEN '' ELSE 'ONLY ' END
                || format('%I.%I', space.nspname, class.relname),
            'parent', key.confrelid::bigint,
            'on_delete', key.confdeltype,
            'columns', (
                -- Compared as the key itself does, with a type's own operator and in the parent's collation.
                SELECT jsonb_agg(jsonb_build_object(
                    'child', child.attname,
                    'parent', parent.attname,
                    'operator', format('OPERATOR(%I.%s)', home.nspname, operator.oprname),
                    'collation', CASE
                        WHEN child.attcollation <> parent.attcollation
                            THEN format(' COLLATE %I.%I', its_home.nspname, its_collation.collname)
                        ELSE ''
                    END
                ) ORDER BY pair.number)
                FROM unnest(key.conkey, key.confkey, key.conpfeqop) WITH ORDINALITY
                    AS pair (child, parent, operator, number)
                JOIN pg_attribute AS child ON child.attrelid = key.conrelid AND child.attnum = pair.child
                JOIN pg_attribute AS parent ON parent.attrelid = key.confrelid AND parent.attnum = pair.parent
                JOIN pg_operator AS operator ON operator.oid = pair.operator
                JOIN pg_namespace AS home ON home.oid = operator.oprnamespace
                LEFT JOIN pg_collation AS its_collation ON its_collation.oid = parent.attcollation
                LEFT JOIN pg_namespace AS its_home ON its_home.oid = its_collation.collnamespace
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
