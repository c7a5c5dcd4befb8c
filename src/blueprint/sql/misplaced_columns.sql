(NOT c.relispartition AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
 AND (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
     IS DISTINCT FROM
     (SELECT array_agg(a.attname ORDER BY p.inhseqno NULLS LAST, p.attnum, a.attnum)
        FROM pg_attribute a
        LEFT JOIN LATERAL (SELECT i.inhseqno, pa.attnum
                             FROM pg_inherits i
                             JOIN pg_attribute pa ON pa.attrelid = i.inhparent AND pa.attname = a.attname
                            WHERE i.inhrelid = c.oid AND pa.attnum > 0 AND NOT pa.attisdropped
                            ORDER BY 1, 2 LIMIT 1) p ON true
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
