"""`kill -9` on a real worker in the middle of a publishing: it completes, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from app.campaigns import jobs, service
from app.campaigns.models import Campaign
from app.campaigns.plans import complete
from app.config import PROJECT_ROOT
from app.coupons.models import Coupon
from app.db import db, in_transaction
from tests.campaigns.campaign_rows import (
    PLAN,
    count_rows,
    holders,
    make_customer,
    only_campaign,
    operator,
    steps,
)
from tests.campaigns.crm_server import TOKEN, FakeCrm, crm_server
from tests.conftest import MakeApp
from tests.services.process_tools import processes_below, survivors, wait_for

pytestmark = [pytest.mark.redis, pytest.mark.slow]
LEASE = "3"


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    with crm_server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def shop(request: pytest.FixtureRequest, make_app: MakeApp, crm: FakeCrm) -> Iterator[Flask]:
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    app = make_app(url, crm_base_url=crm.url, crm_token=TOKEN)
    with app.app_context():
        for name in ("alice", "bob", "cleo"):
            make_customer(name)
        yield app


def start_worker(app: Flask, crm: FakeCrm) -> subprocess.Popen[bytes]:
    """The real `worker.py` on the test's database and Redis."""
    settings = app.extensions["mcpshop_settings"]
    environment = {
        **os.environ,
        "MCPSHOP_HOME": str(settings.home_path),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "CRM_BASE_URL": crm.url,
        "CRM_TOKEN": TOKEN,
        "CRM_TIMEOUT_SECONDS": "20",
        "CAMPAIGN_LEASE_SECONDS": LEASE,
    }
    return subprocess.Popen(
        [sys.executable, str(PROJECT_ROOT / "worker.py")],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(Path(settings.home_path) / "worker.log").open("ab"),
    )


def kill(worker: subprocess.Popen[bytes]) -> None:
    """The worker and the process of its job, at once and without a word."""
    family = [worker.pid, *processes_below(worker.pid)]
    for pid in family:
        # A child may have died with its parent by now.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    worker.wait(10)
    wait_for(lambda: not survivors(family))


def is_published() -> bool:
    """What the scheduler does twice a second, until it is done."""
    jobs.sweep()
    return only_campaign().status == "published"


@pytest.mark.parametrize("step", ["create", "publish"])
def test_a_killed_worker_leaves_one_coupon_that_another_publishes(
    shop: Flask, crm: FakeCrm, step: str
) -> None:
    # The CRM does what it is asked and keeps silent: the worker is killed in the middle of that.
    if step == "publish":
        crm.planned.append(lambda path: crm.do(path, crm.calls[-1][1]))
    crm.planned.append(crm.hang)
    first = start_worker(shop, crm)
    try:
        in_transaction(partial(service.submit, operator(), complete(PLAN)[0]))
        assert crm.reached.wait(60)
    finally:
        kill(first)
    crm.let_go.set()
    assert steps() == ({} if step == "create" else {"create_coupon": "success"})
    assert holders() == []
    second = start_worker(shop, crm)
    try:
        wait_for(is_published, 30)
    finally:
        kill(second)
    assert set(steps().values()) == {"success"}
    assert len(steps()) == 3
    assert count_rows(Coupon) == count_rows(Campaign) == len(crm.coupons) == len(crm.published) == 1
    assert len(holders()) == len(set(holders())) == 3
    db.session.rollback()
