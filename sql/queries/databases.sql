select datname from pg_database
