-- Children that differ from their parents, by the order of their columns and by what these were given. pg_dump itself does
-- not reproduce them: it makes every child by CREATE TABLE … INHERITS, which puts the inherited columns first.
SELECT CASE WHEN 'lz4' = ANY (enumvals) THEN 'lz4' ELSE 'pglz' END AS better FROM pg_settings WHERE name = 'default_toast_compression' \gset
CREATE TABLE base (name text DEFAULT 'other', extra date, CONSTRAINT in_both CHECK (name <> ''));
CREATE TABLE second (more integer NOT NULL, name text DEFAULT 'another');
CREATE TABLE adopted (extra date, note text, name text NOT NULL, CONSTRAINT in_both CHECK (name <> ''));
ALTER TABLE adopted INHERIT base;
CREATE TABLE of_two (gone text, more integer NOT NULL, extra date, name text, own integer);
ALTER TABLE of_two DROP gone;
ALTER TABLE of_two ADD CONSTRAINT in_both CHECK (name <> '');
ALTER TABLE of_two INHERIT second;
ALTER TABLE of_two INHERIT base;
CREATE TABLE below (own integer DEFAULT 5) INHERITS (of_two);
CREATE TABLE widened (id integer) INHERITS (second);
-- What a parent's column was given after its child was made is not the child's, though a child made now would inherit it.
CREATE TABLE pressed (word text, other text);
CREATE TABLE not_pressed () INHERITS (pressed);
ALTER TABLE pressed ALTER word SET COMPRESSION :better;
ALTER TABLE ONLY pressed ALTER other SET STORAGE EXTERNAL;
