-- Statements whose mean time is too long, the worst first, with the role that runs them.
SELECT statement.query, statement.calls, statement.mean_exec_time::float8, statement.total_exec_time::float8,
       coalesce(role.rolname, '')
FROM {statements} AS statement
LEFT JOIN pg_roles AS role ON role.oid = statement.userid
WHERE statement.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND statement.mean_exec_time >= {milliseconds}
ORDER BY statement.total_exec_time DESC
LIMIT 500
