"""How Alembic runs here: online, over the application's own engine and metadata."""

from alembic import context
from flask import current_app

target = current_app.extensions["migrate"].db
SEARCH_TABLES = "product_search"


def include_object(_object, name, type_, _reflected, compare_to):
    """The search tables are made by hand per engine and have no mapped class."""
    return not (type_ == "table" and compare_to is None and (name or "").startswith(SEARCH_TABLES))


def run() -> None:
    """Run the migrations in one connection, each in its own transaction where the engine can."""
    with target.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=target.metadata,
            include_object=include_object,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
