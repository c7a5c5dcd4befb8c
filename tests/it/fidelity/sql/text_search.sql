-- Text search: parsers, templates, dictionaries, configurations.
CREATE TEXT SEARCH PARSER own_parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH PARSER without_headline (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE own_template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH TEMPLATE without_init (LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY own_dictionary (TEMPLATE = own_template, STOPWORDS = english, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY "Odd Dict" (TEMPLATE = pg_catalog.snowball, LANGUAGE = german, STOPWORDS = german);
CREATE TEXT SEARCH DICTIONARY no_options (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION own_config (PARSER = own_parser);
ALTER TEXT SEARCH CONFIGURATION own_config ADD MAPPING FOR asciiword, word WITH own_dictionary, "Odd Dict", english_stem;
ALTER TEXT SEARCH CONFIGURATION own_config ADD MAPPING FOR email, url, numhword WITH pg_catalog.simple;
CREATE TEXT SEARCH CONFIGURATION copied (COPY = pg_catalog.english);
ALTER TEXT SEARCH CONFIGURATION copied ALTER MAPPING FOR hword_part WITH no_options;
ALTER TEXT SEARCH CONFIGURATION copied ALTER MAPPING REPLACE english_stem WITH own_dictionary;
ALTER TEXT SEARCH CONFIGURATION copied DROP MAPPING FOR hword_part;
CREATE TEXT SEARCH CONFIGURATION no_mappings (PARSER = pg_catalog."default");
CREATE TABLE documents (
    id serial, body text, lang regconfig DEFAULT 'own_config'::regconfig, dict regdictionary DEFAULT 'own_dictionary',
    found tsvector GENERATED ALWAYS AS (to_tsvector('own_config', body)) STORED, other text DEFAULT 'x'
);
CREATE INDEX ON documents USING gin (to_tsvector('own_config', body));
CREATE TRIGGER fill BEFORE INSERT ON documents FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger('other', 'pg_catalog.english', 'body');
CREATE VIEW hits AS SELECT id, ts_headline('copied', body, to_tsquery('copied', 'a & b')) FROM documents;
COMMENT ON TEXT SEARCH PARSER own_parser IS 'a parser';
COMMENT ON TEXT SEARCH TEMPLATE own_template IS 'a template';
COMMENT ON TEXT SEARCH DICTIONARY own_dictionary IS 'a dictionary';
COMMENT ON TEXT SEARCH CONFIGURATION own_config IS 'a configuration';
