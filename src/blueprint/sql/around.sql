-- What a schema's definition says that is not in the schema: who reads, whom it names, what new objects are given.
-- $1 the catalogs and $2 the rows of its objects.
SELECT concat_ws('/', current_database(), quote_ident(current_user), quote_ident(pg_get_userbyid(10)),
                 (SELECT sum(hashtextextended(x.xmin::text || x.ctid::text, 0))
                    FROM pg_default_acl x WHERE x.defaclnamespace = 0),
                 (SELECT string_agg(DISTINCT pg_describe_object(d.refclassid, d.refobjid, 0), ',')
                    FROM pg_shdepend d
                   WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND d.classid = ANY ($1) AND d.objid = ANY ($2))),
       current_setting('server_version_num')::int
