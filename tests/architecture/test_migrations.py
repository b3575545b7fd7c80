"""Migrations lead to the models and back again, on both engines."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from app.db import Model, db


def differences() -> list[object]:
    """What alembic would still change; generated columns' nullability and the search tables are engine matters."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = compare_metadata(context, Model.metadata)
    return [
        change
        for change in found
        if not (isinstance(change, list) and change[0][0] == "modify_nullable")
        and not (isinstance(change, tuple) and "product_search" in str(getattr(change[1], "name", change[1])))
        and not (
            isinstance(change, tuple)
            and change[0] == "remove_index"
            and "product_search" in str(change[1].table)
        )
    ]


def test_the_schema_matches_the_models(each_app: Flask) -> None:
    with each_app.app_context():
        assert differences() == []


def test_migrations_run_down_and_up_again(each_app: Flask) -> None:
    with each_app.app_context():
        try:
            downgrade(revision="base")
            left = [name for name in inspect(db.engine).get_table_names() if name != "alembic_version"]
        finally:
            # Whatever went wrong: the tests to come need the tables.
            upgrade()
        assert left == []
        assert differences() == []
