-- Bodies that are text and name the schema: PostgreSQL knows no dependency of them.
CREATE TABLE items (id integer PRIMARY KEY, name text);
CREATE SEQUENCE numbers;
CREATE FUNCTION named_in_sql() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM tenant_template.items i WHERE i.id > 1 $$;
CREATE FUNCTION "named Quoted"() RETURNS SETOF tenant_template.items LANGUAGE sql AS $$ SELECT * FROM "tenant_template"."items" $$;
CREATE FUNCTION named_in_plpgsql() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    found tenant_template.items%ROWTYPE;
    next tenant_template . items . id % TYPE;
BEGIN
    INSERT INTO tenant_template.items (id) SELECT tenant_template.named_in_sql();
    UPDATE tenant_template.items SET name = 'it''s' WHERE tenant_template.items.id = 1;
    RETURN NEW;
END $body$;
CREATE PROCEDURE named_in_procedure(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 FROM tenant_template.items; n := nextval('numbers'); END $$;
CREATE FUNCTION not_named() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM items tenant_templates WHERE tenant_templates.id > 1 $$;
