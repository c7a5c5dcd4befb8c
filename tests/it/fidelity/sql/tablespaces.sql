-- Tables, indexes and constraints in other tablespaces.
CREATE TABLE t (id integer PRIMARY KEY USING INDEX TABLESPACE fidelity_space, name text) TABLESPACE fidelity_space;
CREATE TABLE plain (id integer PRIMARY KEY, name text UNIQUE USING INDEX TABLESPACE fidelity_space);
CREATE INDEX ON t (name);
CREATE INDEX ON plain (name) TABLESPACE fidelity_space;
CREATE MATERIALIZED VIEW m TABLESPACE fidelity_space AS SELECT 1 AS one;
CREATE INDEX ON m (one) TABLESPACE fidelity_space;
CREATE TABLE p (a integer, PRIMARY KEY (a) USING INDEX TABLESPACE fidelity_space) PARTITION BY LIST (a) TABLESPACE fidelity_space;
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) TABLESPACE pg_default;
CREATE INDEX ON p ((a + 1)) TABLESPACE fidelity_space;
CREATE TABLE last (id integer);
