-- Types: enums, composites, domains, ranges, base types, and shells without a definition.
SELECT t.typnamespace AS schema,
       'pg_type'::regclass::oid AS class,
       t.oid AS id,
       CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END AS kind,
       quote_ident(t.typname) AS name,
       CASE t.typtype
       WHEN 'e' THEN format('CREATE TYPE %I AS ENUM', t.typname)
       WHEN 'c' THEN format('CREATE TYPE %I AS', t.typname)
       WHEN 'd' THEN
           format('CREATE DOMAIN %I AS %s%s', t.typname, format_type(t.typbasetype, t.typtypmod),
                  CASE WHEN t.typcollation <> base.typcollation THEN ' COLLATE ' || t.typcollation::regcollation END)
       WHEN 'r' THEN
           format('CREATE TYPE %I AS RANGE (SUBTYPE = %s%s%s%s%s, MULTIRANGE_TYPE_NAME = %I)', t.typname,
                  format_type(r.rngsubtype, NULL),
                  ', SUBTYPE_OPCLASS = ' || CASE WHEN NOT oc.opcdefault THEN
                      CASE WHEN pg_opclass_is_visible(oc.oid) THEN quote_ident(oc.opcname)
                           ELSE format('%I.%I', ocn.nspname, oc.opcname) END END,
                  ', COLLATION = ' || CASE WHEN r.rngcollation <> 0 AND r.rngcollation <> sub.typcollation THEN
                      r.rngcollation::regcollation::text END,
                  ', CANONICAL = ' || {function:r.rngcanonical},
                  ', SUBTYPE_DIFF = ' || {function:r.rngsubdiff},
                  multi.typname)
       WHEN 'b' THEN
           format('CREATE TYPE %I (%s)', t.typname, (
               SELECT string_agg(o.name || ' = ' || o.value, ', ' ORDER BY o.number)
                 FROM (VALUES (1, 'INPUT', {function:t.typinput}),
                              (2, 'OUTPUT', {function:t.typoutput}),
                              (3, 'RECEIVE', {function:t.typreceive}),
                              (4, 'SEND', {function:t.typsend}),
                              (5, 'TYPMOD_IN', {function:t.typmodin}),
                              (6, 'TYPMOD_OUT', {function:t.typmodout}),
                              (7, 'ANALYZE', {function:t.typanalyze}),
                              (8, 'SUBSCRIPT', {function:t.typsubscript}),
                              (9, 'INTERNALLENGTH', CASE t.typlen WHEN -1 THEN 'VARIABLE' ELSE t.typlen::text END),
                              (10, 'PASSEDBYVALUE', CASE WHEN t.typbyval THEN 'true' END),
                              (11, 'ALIGNMENT', CASE t.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2'
                                                                WHEN 'i' THEN 'int4' ELSE 'double' END),
                              (12, 'STORAGE', CASE t.typstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
                                                                WHEN 'x' THEN 'extended' ELSE 'main' END),
                              (13, 'CATEGORY', CASE WHEN t.typcategory <> 'U' THEN quote_literal(t.typcategory::text) END),
                              (14, 'PREFERRED', CASE WHEN t.typispreferred THEN 'true' END),
                              (15, 'DEFAULT', quote_literal(t.typdefault)),
                              (16, 'ELEMENT', CASE WHEN t.typelem <> 0 THEN format_type(t.typelem, NULL) END),
                              (17, 'DELIMITER', CASE WHEN t.typdelim <> ',' THEN quote_literal(t.typdelim::text) END),
                              (18, 'COLLATABLE', CASE WHEN t.typcollation <> 0 THEN 'true' END)) o (number, name, value)
                WHERE o.value IS NOT NULL))
       ELSE format('CREATE TYPE %I', t.typname) END AS sql,
       CASE WHEN t.typtype = 'b' OR t.typtype = 'r' AND r.rngcanonical <> 0 THEN
           format('CREATE TYPE %I', t.typname) END AS stand_in,
       t.typtype IN ('e', 'c') AS parentheses,
       'pg_class'::regclass::oid AS alias_class,
       CASE WHEN t.typtype = 'c' THEN t.typrelid END AS alias_id,
       format('DROP %s %I', CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, t.typname) AS drop,
       CASE t.typtype WHEN 'd' THEN 'DOMAIN ' ELSE 'TYPE ' END || quote_ident(t.typname) AS target,
       t.typowner AS owner,
       t.typacl::text[] AS acl,
       'T'::"char" AS acl_type
  FROM pg_type t
  LEFT JOIN pg_class rel ON rel.oid = t.typrelid
  LEFT JOIN pg_type base ON base.oid = t.typbasetype
  LEFT JOIN pg_range r ON r.rngtypid = t.oid
  LEFT JOIN pg_type sub ON sub.oid = r.rngsubtype
  LEFT JOIN pg_type multi ON multi.oid = r.rngmultitypid
  LEFT JOIN pg_opclass oc ON oc.oid = r.rngsubopc
  LEFT JOIN pg_namespace ocn ON ocn.oid = oc.opcnamespace
 WHERE (t.typtype IN ('e', 'd', 'r', 'p') OR t.typtype = 'c' AND rel.relkind = 'c'
        OR t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid))
   AND t.oid = ANY ($3)
   AND {not_of_an_extension:pg_type t}
