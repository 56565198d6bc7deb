"""Alembic asks here for the connection: the one that deploy/migrate.py holds, in its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
