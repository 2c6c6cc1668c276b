select (select version_num from alembic_version) as head, (select value from meta where key = 'views') as views
