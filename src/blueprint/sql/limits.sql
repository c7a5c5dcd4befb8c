-- What cannot be copied (refused) and what stays behind (noted), each in words.
SELECT l.refused, l.words
  FROM (
        SELECT true AS refused,
               format('table %s is a partition of %s, which is outside the schema',
                      c.oid::regclass, i.inhparent::regclass) AS words
          FROM pg_class c
          JOIN pg_inherits i ON i.inhrelid = c.oid
          JOIN pg_class p ON p.oid = i.inhparent
         WHERE c.relispartition AND c.oid = ANY ($2) AND p.relnamespace <> ALL ($1)
           AND c.relkind IN ('r', 'p', 'f')
         UNION ALL
        SELECT true, format('%s has a security label, which would be lost', pg_describe_object(s.classoid, s.objoid, s.objsubid))
          FROM pg_seclabel s
          JOIN LATERAL pg_identify_object(s.classoid, s.objoid, s.objsubid) o ON true
         WHERE o.schema = (SELECT quote_ident(nspname) FROM pg_namespace WHERE oid = ANY ($1) LIMIT 1)
         UNION ALL
        SELECT true, format('transform for type %s and language %s', format_type(f.trftype, NULL), l.lanname)
          FROM pg_transform f
          JOIN pg_type t ON t.oid = f.trftype
          JOIN pg_language l ON l.oid = f.trflang
         WHERE t.oid = ANY ($3)
         UNION ALL
        SELECT false, format('index %s is invalid and left out', c.oid::regclass)
          FROM pg_class c
          JOIN pg_index i ON i.indexrelid = c.oid
         WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.oid = ANY ($2)
         UNION ALL
        SELECT false, format('table %s is a partition of %s and stays outside the copy',
                             c.oid::regclass, i.inhparent::regclass)
          FROM pg_class c
          JOIN pg_inherits i ON i.inhrelid = c.oid
          JOIN pg_class p ON p.oid = i.inhparent
         WHERE c.relispartition AND p.oid = ANY ($2) AND c.relnamespace <> ALL ($1)
           AND c.relkind IN ('r', 'p', 'f')
         UNION ALL
        SELECT false, format('event trigger %I calls function %s, and none that a copy has', e.evtname, p.oid::regprocedure)
          FROM pg_event_trigger e
          JOIN pg_proc p ON p.oid = e.evtfoid
         WHERE p.pronamespace = ANY ($1)
         UNION ALL
        SELECT false, format('subscription %I fills table %s, and none of a copy', s.subname, r.srrelid::regclass)
          FROM pg_subscription_rel r
          JOIN pg_subscription s ON s.oid = r.srsubid
         WHERE r.srrelid = ANY ($2)
         UNION ALL
        SELECT false, format('publication %I is of all tables, those of a copy included', p.pubname)
          FROM pg_publication p
         WHERE p.puballtables AND EXISTS (SELECT FROM pg_class c
                                           WHERE c.oid = ANY ($2) AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p')
         UNION ALL
        SELECT false, format('publication %I does not follow to the copy', p.pubname)
          FROM pg_publication p
         WHERE EXISTS (SELECT FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid
                        WHERE r.prpubid = p.oid AND c.oid = ANY ($2)){publication_of_schema}) l
