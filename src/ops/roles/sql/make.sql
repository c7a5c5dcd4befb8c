BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {owner_text}) THEN
        CREATE ROLE {owner} NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {operator_text}) THEN
        CREATE ROLE {operator} NOLOGIN;
    END IF;
    -- Who is no superuser hands things over to the owner only as its member.
    IF NOT pg_has_role({owner_text}, 'USAGE') THEN
        GRANT {owner} TO CURRENT_USER;
    END IF;
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO %I', current_database(), {owner_text});
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {operator_text});
    -- Statistics and no data: what other sessions do, and how far replicas are behind, for which `cleanup` waits.
    IF NOT (pg_has_role({owner_text}, 'pg_read_all_stats', 'MEMBER')
            AND pg_has_role({operator_text}, 'pg_read_all_stats', 'MEMBER')) THEN
        BEGIN
            GRANT pg_read_all_stats TO {owner}, {operator};
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'pg_read_all_stats was not granted: %', SQLERRM;
        END;
    END IF;
END
