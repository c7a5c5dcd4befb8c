-- Sequences whose numbers may come to an end: what they count up or down to, as their column has room for it.
WITH held AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE locktype = 'relation' AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
)
SELECT class.oid, place.slug, place.schema, class.relname,
       CASE WHEN seq.seqincrement > 0 THEN seq.seqmin ELSE seq.seqmax END,
       CASE WHEN seq.seqincrement > 0 THEN least(seq.seqmax, room.most) ELSE greatest(seq.seqmin, -room.most - 1) END,
       has_sequence_privilege(class.oid, 'SELECT') OR has_sequence_privilege(class.oid, 'USAGE'),
       col.attname IS NOT NULL AND room.most < seq.seqmax
FROM pg_sequence AS seq
JOIN pg_class AS class ON class.oid = seq.seqrelid
JOIN place ON place.oid = class.relnamespace
LEFT JOIN pg_depend AS dep ON dep.classid = 'pg_class'::regclass AND dep.objid = class.oid
                          AND dep.refclassid = 'pg_class'::regclass AND dep.refobjsubid > 0 AND dep.deptype IN ('a', 'i')
LEFT JOIN pg_attribute AS col ON col.attrelid = dep.refobjid AND col.attnum = dep.refobjsubid
CROSS JOIN LATERAL (
    SELECT CASE col.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 ELSE 9223372036854775807 END
) AS room (most)
WHERE NOT seq.seqcycle
  AND (class.relpersistence <> 'u' OR NOT pg_is_in_recovery())
  -- At a million a second 2^53 last for centuries.
  AND least(seq.seqmax::numeric, room.most) - greatest(seq.seqmin::numeric, -room.most - 1) < 9007199254740992
  -- Reading a sequence would wait behind who changes it.
  AND NOT EXISTS (SELECT FROM held WHERE held.relation = class.oid)
