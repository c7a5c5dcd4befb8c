            SELECT format('GRANT %s%s ON public.%I TO %I', wanted.privilege, ' (' || wanted.columns || ')', wanted.name,
                          {operator_text})
              FROM (VALUES ('refinery_schema_history', 'SELECT', NULL),
                           ('tenants', 'SELECT', NULL),
                           -- Neither which schema a tenant has nor how far it is: that is for the owner to say.
                           ('tenants', 'UPDATE', 'name, domain, subscription_plan, region, is_active, metadata, '
                                                 'schema_fingerprint'),
                           ('tenant_operations', 'SELECT', NULL),
                           ('tenant_operations', 'INSERT', NULL),
                           ('tenant_operations', 'UPDATE', 'outcome, finished_at'),
                           ('tenant_operation_results', 'SELECT', NULL),
                           ('tenant_operation_results', 'INSERT', NULL),
                           ('tenant_size_snapshots', 'SELECT', NULL),
                           ('tenant_size_snapshots', 'INSERT', NULL),
                           ('tenant_size_snapshots', 'DELETE', NULL),
                           ('tenant_unfinished_migrations', 'SELECT', NULL))
                   AS wanted (name, privilege, columns)
              JOIN pg_class c ON c.relnamespace = 'public'::regnamespace AND c.relname = wanted.name
             WHERE CASE WHEN wanted.columns IS NULL
                        THEN NOT has_table_privilege({operator_text}, c.oid, wanted.privilege)
                        ELSE EXISTS (SELECT FROM unnest(string_to_array(wanted.columns, ', ')) AS w (name)
                                      WHERE NOT has_column_privilege({operator_text}, c.oid, w.name, wanted.privilege)) END
