"""What Alembic runs: the migrations, on the connection (and inside the transaction) of `store.migrate`."""

from alembic import context

import store.models_outside  # noqa: F401  # its tables belong to the metadata too
from store.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
