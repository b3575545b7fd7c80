"""`flask smoke`: is the desk of the running program in order?"""

from __future__ import annotations

import logging

import click

from app.operations.smoke import Result, drive
from app.runtime import settings

STATES = {True: "pass", False: "FAIL", None: "skip"}


@click.command("smoke")
@click.option("--url", default="", help="Where the program answers; else PUBLIC_URL, or HOST and PORT.")
@click.option("--username", default="operator", show_default=True, help="An operator or admin.")
@click.option("--password", default="", help="That person's password; else DEMO_PASSWORD.")
@click.option("--publish/--no-publish", default=True, show_default=True, help="Whether D publishes a coupon.")
def smoke(url: str, username: str, password: str, publish: bool) -> None:
    """Drive the desk once over HTTP: a report, a diagnosis, a plan, a published coupon.

    Prints a line for each and ends with 1 when one failed. D publishes a real coupon of 50 yuan that can be used once,
    on the day of its publishing.
    """
    # It would tell of every request between the lines.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    results = drive(url or default_url(), username, password or settings().demo_password, publish=publish)
    passed = [_tell(result) for result in results]
    if not all(passed):
        raise SystemExit(1)


def default_url() -> str:
    """Where the program listens by its settings."""
    host = "127.0.0.1" if settings().host in ("0.0.0.0", "::") else settings().host  # noqa: S104 - compared with
    return settings().public_url or f"http://{host}:{settings().port}"


def _tell(result: Result) -> bool:
    click.echo(f"{STATES[result.passed]}  {result.name:<12} {result.said}")
    return result.passed is not False
