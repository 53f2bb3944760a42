"""Run by alembic: migrations go through the connection storage/migrate.py hands over, inside its transaction."""

from alembic import context

from cti_server.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
)
context.run_migrations()
