SELECT oid, pg_sequence_last_value(oid) FROM unnest('{oids}'::oid[]) AS asked (oid)
