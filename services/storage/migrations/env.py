"""Runs migrations on the connection that it is given, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from services.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
