select to_regclass('alembic_version') is not null and to_regclass('meta') is not null as migrated
