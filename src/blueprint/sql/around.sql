-- What a schema's definition says that is not in the schema: who reads, whom it names, what new objects are given. A role's
-- comment says whether it is a schema's own.
WITH own (class, id) AS MATERIALIZED (
    SELECT 'pg_namespace'::regclass::oid, unnest($1::oid[])
    UNION ALL
    SELECT 'pg_class'::regclass, unnest($2::oid[])
    UNION ALL
    SELECT 'pg_type'::regclass, unnest($3::oid[])
    UNION ALL
    SELECT 'pg_proc'::regclass, unnest($4::oid[])
    UNION ALL
    SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = ANY ($1)
    UNION ALL
    SELECT 'pg_policy'::regclass, oid FROM pg_policy WHERE polrelid = ANY ($2)
    UNION ALL
    SELECT 'pg_default_acl'::regclass, oid FROM pg_default_acl WHERE defaclnamespace = ANY ($1)
)
SELECT concat_ws('/', current_database(), quote_ident(current_user), quote_ident(pg_get_userbyid(10)),
                 (SELECT sum(hashtextextended(x.xmin::text || x.ctid::text, 0))
                    FROM pg_default_acl x WHERE x.defaclnamespace = 0),
                 (SELECT string_agg(DISTINCT concat_ws(': ', pg_describe_object(d.refclassid, d.refobjid, 0), r.description), ',')
                    FROM own o
                    JOIN pg_shdepend d ON d.classid = o.class AND d.objid = o.id
                    LEFT JOIN pg_shdescription r ON r.classoid = d.refclassid AND r.objoid = d.refobjid
                   WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
                 (SELECT string_agg(DISTINCT quote_ident(t.spcname), ',')
                    FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE c.oid = ANY ($2))),
       current_setting('server_version_num')::int
