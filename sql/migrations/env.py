"""Alembic's environment: runs on the connection that ``Warehouse.init`` hands over, never on a URL of its own."""

from alembic import context
from sqlalchemy import Connection


def run(connection: Connection) -> None:
    """Migrate inside the caller's transaction."""
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
