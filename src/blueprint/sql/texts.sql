-- Collations, conversions and what text search is made of.
SELECT c.collnamespace AS schema,
       'pg_collation'::regclass::oid AS class,
       c.oid AS id,
       'collation' AS kind,
       quote_ident(c.collname) AS name,
       NULL::oid AS parent_class,
       NULL::oid AS parent_id,
       format('CREATE COLLATION %I (%s%s%s%s)', c.collname,
              CASE c.collprovider WHEN 'i' THEN 'provider = icu' WHEN 'b' THEN 'provider = builtin'
                                  WHEN 'd' THEN 'provider = default' ELSE 'provider = libc' END,
              CASE WHEN NOT c.collisdeterministic THEN ', deterministic = false' END,
              CASE WHEN {collation_locale:c} IS NOT NULL THEN ', locale = ' || quote_literal({collation_locale:c})
                   WHEN c.collcollate = c.collctype THEN ', locale = ' || quote_literal(c.collcollate)
                   ELSE format(', lc_collate = %L, lc_ctype = %L', c.collcollate, c.collctype) END,
              ', rules = ' || quote_literal({collation_rules:c})) AS sql,
       NULL AS change,
       format('DROP COLLATION %I', c.collname) AS drop,
       'COLLATION ' || quote_ident(c.collname) AS target,
       c.collowner AS owner
  FROM pg_collation c
 WHERE c.collnamespace = ANY ($1)
   AND {not_of_an_extension:pg_collation c}
UNION ALL
SELECT c.connamespace,
       'pg_conversion'::regclass,
       c.oid,
       'conversion',
       quote_ident(c.conname),
       NULL,
       NULL,
       format('CREATE %sCONVERSION %I FOR %L TO %L FROM %s', CASE WHEN c.condefault THEN 'DEFAULT ' END, c.conname,
              pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), {function:c.conproc}),
       NULL,
       format('DROP CONVERSION %I', c.conname),
       'CONVERSION ' || quote_ident(c.conname),
       c.conowner
  FROM pg_conversion c
 WHERE c.connamespace = ANY ($1)
   AND {not_of_an_extension:pg_conversion c}
UNION ALL
SELECT p.prsnamespace,
       'pg_ts_parser'::regclass,
       p.oid,
       'text search parser',
       quote_ident(p.prsname),
       NULL,
       NULL,
       format('CREATE TEXT SEARCH PARSER %I (START = %s, GETTOKEN = %s, END = %s, LEXTYPES = %s%s)', p.prsname,
              {function:p.prsstart}, {function:p.prstoken}, {function:p.prsend}, {function:p.prslextype},
              ', HEADLINE = ' || {function:p.prsheadline}),
       NULL,
       format('DROP TEXT SEARCH PARSER %I', p.prsname),
       'TEXT SEARCH PARSER ' || quote_ident(p.prsname),
       NULL
  FROM pg_ts_parser p
 WHERE p.prsnamespace = ANY ($1)
   AND {not_of_an_extension:pg_ts_parser p}
UNION ALL
SELECT t.tmplnamespace,
       'pg_ts_template'::regclass,
       t.oid,
       'text search template',
       quote_ident(t.tmplname),
       NULL,
       NULL,
       format('CREATE TEXT SEARCH TEMPLATE %I (%sLEXIZE = %s)', t.tmplname,
              'INIT = ' || {function:t.tmplinit} || ', ', {function:t.tmpllexize}),
       NULL,
       format('DROP TEXT SEARCH TEMPLATE %I', t.tmplname),
       'TEXT SEARCH TEMPLATE ' || quote_ident(t.tmplname),
       NULL
  FROM pg_ts_template t
 WHERE t.tmplnamespace = ANY ($1)
   AND {not_of_an_extension:pg_ts_template t}
UNION ALL
SELECT d.dictnamespace,
       'pg_ts_dict'::regclass,
       d.oid,
       'text search dictionary',
       quote_ident(d.dictname),
       NULL,
       NULL,
       format('CREATE TEXT SEARCH DICTIONARY %I (TEMPLATE = %s%s)', d.dictname,
              CASE WHEN pg_ts_template_is_visible(t.oid) THEN quote_ident(t.tmplname)
                   ELSE format('%I.%I', tn.nspname, t.tmplname) END,
              ', ' || d.dictinitoption),
       NULL,
       format('DROP TEXT SEARCH DICTIONARY %I', d.dictname),
       'TEXT SEARCH DICTIONARY ' || quote_ident(d.dictname),
       d.dictowner
  FROM pg_ts_dict d
  JOIN pg_ts_template t ON t.oid = d.dicttemplate
  JOIN pg_namespace tn ON tn.oid = t.tmplnamespace
 WHERE d.dictnamespace = ANY ($1)
   AND {not_of_an_extension:pg_ts_dict d}
UNION ALL
SELECT c.cfgnamespace,
       'pg_ts_config'::regclass,
       c.oid,
       'text search configuration',
       quote_ident(c.cfgname),
       NULL,
       NULL,
       format('CREATE TEXT SEARCH CONFIGURATION %I (PARSER = %s)', c.cfgname,
              CASE WHEN pg_ts_parser_is_visible(p.oid) THEN quote_ident(p.prsname)
                   ELSE format('%I.%I', pn.nspname, p.prsname) END),
       NULL,
       format('DROP TEXT SEARCH CONFIGURATION %I', c.cfgname),
       'TEXT SEARCH CONFIGURATION ' || quote_ident(c.cfgname),
       c.cfgowner
  FROM pg_ts_config c
  JOIN pg_ts_parser p ON p.oid = c.cfgparser
  JOIN pg_namespace pn ON pn.oid = p.prsnamespace
 WHERE c.cfgnamespace = ANY ($1)
   AND {not_of_an_extension:pg_ts_config c}
UNION ALL
SELECT c.cfgnamespace,
       0,
       0,
       'text search mapping',
       format('%I.%I', c.cfgname, k.alias),
       'pg_ts_config'::regclass,
       c.oid,
       format('ALTER TEXT SEARCH CONFIGURATION %I ADD MAPPING FOR %I WITH %s', c.cfgname, k.alias, m.list),
       format('ALTER TEXT SEARCH CONFIGURATION %I ALTER MAPPING FOR %I WITH %s', c.cfgname, k.alias, m.list),
       format('ALTER TEXT SEARCH CONFIGURATION %I DROP MAPPING FOR %I', c.cfgname, k.alias),
       NULL,
       NULL
  FROM pg_ts_config c
 CROSS JOIN LATERAL (
       SELECT m.maptokentype,
              string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno) AS list
         FROM pg_ts_config_map m WHERE m.mapcfg = c.oid GROUP BY m.maptokentype) m
 CROSS JOIN LATERAL (SELECT alias FROM ts_token_type(c.cfgparser) WHERE tokid = m.maptokentype) k
 WHERE c.cfgnamespace = ANY ($1)
   AND {not_of_an_extension:pg_ts_config c}
