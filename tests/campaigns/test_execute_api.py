"""`/api/execute` and the mock CRM, over HTTP and with a worker of the test's own on the real queue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from rq import Queue, SimpleWorker
from sqlalchemy import select
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from app.accounts.tokens import issue_token
from app.campaigns import jobs
from app.campaigns.crm import mock_token
from app.campaigns.models import Campaign, MockCrmCoupon
from app.core.actor import Role
from app.coupons.models import Coupon
from app.db import db
from app.runtime import redis_bytes
from tests.builders import make_user
from tests.campaigns.campaign_rows import PLAN, count_rows, make_customer, plan_with
from tests.conftest import MakeApp
from tests.running import free_port

pytestmark = pytest.mark.redis
KEY = hashlib.sha256(json.dumps(PLAN, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
COUPON = {"name": "满300减50", "type": "full_reduction", "threshold": 300, "value": 50, "max_redemptions": 10}


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def shop(request: pytest.FixtureRequest, make_app: MakeApp) -> Iterator[Flask]:
    """A shop that is its own CRM: behind a real server, so that its worker can call it."""
    url = request.getfixturevalue("mariadb_url") if request.param == "mariadb" else ""
    port = free_port()
    app = make_app(url, port=port, campaign_wait_seconds=0)
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    with app.app_context():
        make_customer("alice")
    yield app
    server.shutdown()


@pytest.fixture
def api(shop: Flask) -> FlaskClient:
    return client_of(shop, "olga", Role.OPERATOR)


def client_of(shop: Flask, name: str, role: Role) -> FlaskClient:
    """A program with a token of a person of that role."""
    with shop.app_context():
        token = issue_token(make_user(name, roles=(Role.CUSTOMER, role)).id)[0]
    client = shop.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def work(shop: Flask) -> None:
    """Do what waits in the queue, as a worker does."""
    with shop.app_context():
        connection = redis_bytes()
        SimpleWorker([Queue("default", connection=connection)], connection=connection).work(burst=True)
        db.session.remove()


def execute(api: FlaskClient, plan: dict[str, Any]) -> TestResponse:
    return api.post("/api/execute", json={"plan": plan})


def execution(answer: TestResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body = answer.get_json()
    assert body["intent"] == "execute"
    return dict(body["execution"])


def test_a_plan_is_executed_and_its_receipt_asked_for(shop: Flask, api: FlaskClient) -> None:
    pending = execution(execute(api, PLAN), 202)
    assert (pending["idempotency_key"], pending["publish_status"], pending["error"]) == (KEY, "pending", None)
    assert execution(api.get(f"/api/execute/{KEY}"), 202)["coupon_id"] is None
    work(shop)
    receipt = execution(api.get(f"/api/execute/{KEY}"), 200)
    assert (receipt["publish_status"], receipt["error"], receipt["issued"]) == ("published", None, 1)
    assert [step["status"] for step in receipt["steps"]] == ["success"] * 3
    with shop.app_context():
        coupon = db.session.scalars(select(Coupon)).one()
        kept = db.session.scalars(select(MockCrmCoupon)).one()
        assert (coupon.id, coupon.status) == (receipt["coupon_id"], "published")
        assert (kept.coupon_id, kept.status) == (receipt["crm_coupon_id"], "published")


def test_the_same_plan_again_gets_the_first_receipt(shop: Flask, api: FlaskClient) -> None:
    execute(api, PLAN)
    work(shop)
    first, again = (execution(execute(api, PLAN), 200) for _ in range(2))
    assert first == again
    work(shop)
    with shop.app_context():
        assert count_rows(Coupon) == count_rows(Campaign) == count_rows(MockCrmCoupon) == 1


def test_many_at_once_make_one_coupon(shop: Flask, api: FlaskClient) -> None:
    header = api.environ_base["HTTP_AUTHORIZATION"]

    def post(_number: int) -> int:
        with shop.test_client() as client:
            return client.post(
                "/api/execute", json={"plan": PLAN}, headers={"Authorization": header}
            ).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(post, range(6))) == {202}
    work(shop)
    with shop.app_context():
        assert count_rows(Coupon) == count_rows(Campaign) == count_rows(MockCrmCoupon) == 1


def test_a_hand_over_that_was_lost_is_made_up_for(shop: Flask, api: FlaskClient) -> None:
    execute(api, PLAN)
    with shop.app_context():
        redis_bytes().flushall()
    work(shop)
    assert execution(api.get(f"/api/execute/{KEY}"), 202)["publish_status"] == "pending"
    with shop.app_context():
        db.session.execute(Campaign.__table__.update().values(lease_until=Campaign.created_at))  # type: ignore[attr-defined]
        db.session.commit()
        jobs.sweep()
        db.session.remove()
    work(shop)
    assert execution(api.get(f"/api/execute/{KEY}"), 200)["publish_status"] == "published"


def test_gaps_are_completed_and_told(api: FlaskClient) -> None:
    body = execute(api, {"goal": "g", "offer": PLAN["offer"]}).get_json()
    assert set(body["debug"]["plan_fixed"]) == {
        "duration_days", "budget", "target_segment", "channels", "kpi", "risk_controls",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"plan": plan_with(hack=1)}, 422, "plan.hack"),
        ({"plan": plan_with(budget="x")}, 422, "plan.budget"),
        ({"plan": plan_with(budget=100)}, 422, "budget"),
        ({"plan": []}, 422, "plan"),
        ({"plan": PLAN, "force": True}, 422, "force"),
        ({}, 422, "plan"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_field(
    shop: Flask, api: FlaskClient, body: dict[str, Any], status: int, field: str
) -> None:
    answer = api.post("/api/execute", json=body)
    assert answer.status_code == status
    assert field in answer.get_json()["error"]["fields"]
    with shop.app_context():
        assert count_rows(Campaign) == 0


def test_only_operators_and_admins_may(shop: Flask) -> None:
    for role, status in ((Role.CUSTOMER, 403), (Role.CONSULTANT, 403), (Role.ADMIN, 202)):
        client = client_of(shop, f"p{role}", role)
        assert execute(client, PLAN).status_code == status
        assert client.get(f"/api/execute/{'0' * 64}").status_code == (403 if status == 403 else 404)
    stranger = shop.test_client()
    assert execute(stranger, PLAN).status_code == 401
    assert stranger.get(f"/api/execute/{KEY}").status_code == 401
    assert stranger.post(f"/api/execute/{KEY}/retry").status_code == 401


def test_only_a_failed_one_can_be_run_again(shop: Flask, api: FlaskClient) -> None:
    execute(api, PLAN)
    work(shop)
    answer = api.post(f"/api/execute/{KEY}/retry")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "NOT_FAILED")


def crm(shop: Flask, path: str, body: dict[str, Any], **headers: str) -> TestResponse:
    token = mock_token(shop.extensions["mcpshop_settings"])
    headers = {"Authorization": f"Bearer {token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return shop.test_client().post(f"/mock/crm{path}", json=body, headers=headers)


def test_the_mock_crm_creates_once_by_key_and_publishes(shop: Flask) -> None:
    made = [crm(shop, "/coupons", COUPON, Idempotency_Key=key) for key in ("a", "a", "A")]
    assert [answer.status_code for answer in made] == [201] * 3
    ids = [answer.get_json()["coupon_id"] for answer in made]
    assert ids[0] == ids[1] != ids[2]
    for _ in range(2):
        assert crm(shop, f"/coupons/{ids[0]}/publish", {}).get_json()["status"] == "published"
    other = crm(shop, "/coupons", {**COUPON, "value": 60}, Idempotency_Key="a")
    assert (other.status_code, other.get_json()["error"]["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    # Without a key the coupon itself is its key.
    assert len({crm(shop, "/coupons", COUPON).get_json()["coupon_id"] for _ in range(2)}) == 1


def test_the_mock_crm_wants_its_token_and_a_coupon(shop: Flask) -> None:
    for given in ("", "Bearer wrong", "Bearer "):
        answer = crm(shop, "/coupons", COUPON, Authorization=given)
        assert answer.status_code == 401
    assert crm(shop, "/coupons", {**COUPON, "type": "gift"}).status_code == 422
    assert crm(shop, "/coupons", {**COUPON, "more": 1}).status_code == 422
    assert crm(shop, "/coupons/CRM-NONE/publish", {}).status_code == 404
