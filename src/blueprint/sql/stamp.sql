-- Changes whenever a definition in the schema does: the catalog rows that are there, and who wrote them.
SELECT md5(concat_ws('/',
       (SELECT sum(hashtextextended(c.xmin::text || c.ctid::text, 0)) FROM pg_class c WHERE c.oid = ANY ($2)),
       (SELECT sum(hashtextextended(a.xmin::text || a.ctid::text, 0)) FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.oid = ANY ($2)),
       (SELECT sum(hashtextextended(x.xmin::text || x.ctid::text, 0)) FROM pg_constraint x WHERE x.conrelid = ANY ($2)),
       (SELECT sum(hashtextextended(p.xmin::text || p.ctid::text, 0)) FROM pg_proc p WHERE p.oid = ANY ($4)),
       (SELECT sum(hashtextextended(t.xmin::text || t.ctid::text, 0)) FROM pg_type t WHERE t.oid = ANY ($3)),
       (SELECT sum(hashtextextended(r.xmin::text || r.ctid::text, 0)) FROM pg_class c
          JOIN pg_rewrite r ON r.ev_class = c.oid WHERE c.oid = ANY ($2)),
       (SELECT sum(hashtextextended(g.xmin::text || g.ctid::text, 0)) FROM pg_class c
          JOIN pg_trigger g ON g.tgrelid = c.oid WHERE c.oid = ANY ($2)),
       (SELECT sum(hashtextextended(p.xmin::text || p.ctid::text, 0)) FROM pg_class c
          JOIN pg_policy p ON p.polrelid = c.oid WHERE c.oid = ANY ($2)),
       (SELECT sum(hashtextextended(d.xmin::text || d.ctid::text, 0)) FROM pg_class c
          JOIN pg_attrdef d ON d.adrelid = c.oid WHERE c.oid = ANY ($2)),
       (SELECT sum(hashtextextended(x.xmin::text || x.ctid::text, 0)) FROM pg_constraint x
         WHERE x.conrelid = 0 AND x.contypid = ANY ($3)),
       (SELECT sum(hashtextextended(e.xmin::text || e.ctid::text, 0)) FROM pg_enum e
         WHERE e.enumtypid = ANY ($3)),
       (SELECT sum(hashtextextended(d.xmin::text || d.ctid::text, 0)) FROM pg_depend d
         WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1))))
