            SELECT format('ALTER %s %s OWNER TO %I',
                          CASE WHEN o.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
                               WHEN o.type = 'statistics object' THEN 'STATISTICS'
                               ELSE upper(o.type) END,
                          o.identity, {owner_text})
              FROM ({objects}) AS x (class, id)
             CROSS JOIN LATERAL pg_identify_object(x.class, x.id, 0) AS o
             WHERE o.type IN ('schema', 'table', 'view', 'materialized view', 'foreign table', 'sequence', 'type',
                              'function', 'procedure', 'aggregate', 'operator', 'operator class', 'operator family',
                              'collation', 'conversion', 'text search dictionary', 'text search configuration',
                              'statistics object')
               -- What is the owner's already needs no lock; what is an extension's or a column's goes with that.
               AND NOT EXISTS (SELECT FROM pg_shdepend s
                                WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                                  AND s.classid = x.class AND s.objid = x.id AND s.deptype = 'o'
                                  AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = {owner_text}))
               AND NOT EXISTS (SELECT FROM pg_depend d
                                WHERE d.classid = x.class AND d.objid = x.id
                                  -- A partitioned table needs columns of its own.
                                  AND (d.refclassid, d.refobjid) <> (x.class, x.id)
                                  AND (d.deptype IN ('e', 'i')
                                       OR o.type = 'sequence' AND d.refobjsubid > 0 AND d.deptype = 'a'))
             ORDER BY o.type <> 'schema', o.type, o.identity
