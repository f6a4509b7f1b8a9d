"""What Alembic runs: the migrations, on the connection (and inside the transaction) of `store.migrate`."""

from alembic import context

from store.tables.base import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
