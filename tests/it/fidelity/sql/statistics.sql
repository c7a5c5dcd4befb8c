-- Extended statistics: kinds, expressions, targets.
CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE TABLE t (a integer, b integer, c text, d date);
CREATE STATISTICS all_kinds ON a, b FROM t;
CREATE STATISTICS one_kind (ndistinct) ON a, b, c FROM t;
CREATE STATISTICS two_kinds (dependencies, mcv) ON b, d FROM t;
CREATE STATISTICS of_expression ON (a + b) FROM t;
CREATE STATISTICS of_expressions (mcv, ndistinct) ON a, (fold(c)), (date_trunc('month', d)), c FROM t;
CREATE STATISTICS "Odd ""Name""" (dependencies) ON c, d FROM t;
ALTER STATISTICS one_kind SET STATISTICS 123;
ALTER STATISTICS two_kinds SET STATISTICS 0;
CREATE TABLE p (a integer, b integer) PARTITION BY LIST (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE STATISTICS of_parent ON a, b FROM p;
CREATE STATISTICS of_partition ON a, b FROM p1;
COMMENT ON STATISTICS of_expression IS 'of an expression';
