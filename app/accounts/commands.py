"""`flask user ...`: accounts of those who run the shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click
from flask.cli import AppGroup

from app.accounts import queries, service
from app.accounts.models import User
from app.core.actor import Role
from app.core.errors import DomainError
from app.db import in_transaction

Result = TypeVar("Result")
users = AppGroup("user", help="Accounts: make an admin, set a password, give a role.")
ask_password = click.password_option(help="Asked for when not given (a command line can be read by others).")


@users.command("create-admin")
@click.argument("username")
@click.argument("email")
@ask_password
def create_admin(username: str, email: str, password: str) -> None:
    """Make an account that may do everything in the console."""
    account = _told(lambda: service.prepare(username=username, email=email, password=password))
    user = _told(lambda: in_transaction(lambda: service.register(account, roles=(Role.CUSTOMER, Role.ADMIN))))
    click.echo(f"Made {user.username} (id {user.id}): {user.role_names}")


@users.command("set-password")
@click.argument("username")
@ask_password
def set_password(username: str, password: str) -> None:
    """Give an account a new password; it is signed out everywhere."""
    _told(lambda: in_transaction(lambda: service.set_password(_user(username), password)))
    click.echo(f"The password of {username} is changed.")


@users.command("add-role")
@click.argument("username")
@click.argument("role", type=click.Choice([role.value for role in Role]))
def add_role(username: str, role: str) -> None:
    """Let an account act in one more role."""
    in_transaction(lambda: service.add_role(_user(username), Role(role)))
    click.echo(f"{username}: {_user(username).role_names}")


def _user(name: str) -> User:
    user = queries.find_user_by_name(name)
    if user is None:
        raise click.ClickException(f"There is no account called {name}.")
    return user


def _told(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except DomainError as error:
        findings = "".join(f"\n  {field}: {text}" for field, text in error.fields.items())
        raise click.ClickException(error.text() + findings) from error
