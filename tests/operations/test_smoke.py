"""`flask smoke` on the running program, and what it says of programs that are not in order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from app.config import PROJECT_ROOT
from app.operations.smoke import Result, Smoke, check, drive, key_of
from tests.campaigns.campaign_rows import PLAN
from tests.running import RunningShop, free_port

Answer = Callable[[httpx2.Request], httpx2.Response]


def run_command(shop: RunningShop, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MCPSHOP_HOME": str(shop.home), "DATABASE_URL": "", "REDIS_URL": ""}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "smoke", *arguments]
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.redis
@pytest.mark.slow
def test_the_running_program_passes_and_publishes_each_time_anew(shop: RunningShop) -> None:
    done = run_command(shop, "--url", shop.url)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.strip().splitlines()
    assert [line[:4] for line in lines] == ["pass"] * 5
    assert [line[6:7] for line in lines[1:]] == ["A", "B", "C", "D"]
    assert "10 stores" in lines[1] and "claims from data" in lines[2] and "coupon" in lines[4]
    again = list(drive(shop.url, "operator", "mcpshop-demo"))
    assert all(result.passed for result in again)
    assert again[4].said.split()[1] != lines[4].split()[3], "the second drive found the first one's coupon"


@pytest.mark.redis
@pytest.mark.slow
def test_without_publishing_nothing_is_made(shop: RunningShop) -> None:
    results = list(drive(shop.url, "operator", "mcpshop-demo", publish=False))
    assert [result.passed for result in results] == [True, True, True, True, None]


@pytest.mark.redis
@pytest.mark.slow
def test_a_wrong_password_and_a_customer_fail(shop: RunningShop) -> None:
    refused = run_command(shop, "--url", shop.url, "--password", "wrong-password")
    assert refused.returncode == 1 and refused.stdout.startswith("FAIL  sign in")
    assert len(refused.stdout.strip().splitlines()) == 1
    customer = list(drive(shop.url, "demo", "mcpshop-demo", publish=False))
    assert [result.passed for result in customer] == [True, False, False, False, None]
    assert "403" in customer[1].said


def test_a_program_that_is_not_there_fails_in_one_line() -> None:
    (entry,) = drive(f"http://127.0.0.1:{free_port()}", "operator", "x")
    assert entry.passed is False and entry.said.startswith("no answer")


def smoke_of(answer: Answer) -> Smoke:
    return Smoke(httpx2.Client(base_url="http://shop", transport=httpx2.MockTransport(answer)))


def report(rows: list[list[Any]], **changes: Any) -> dict[str, Any]:
    told = {"rows": rows, "sql": "SELECT", "definitions": [{}], "period": {"start": "1", "end": "7"}}
    return {"intent": "report", "report": {**told, **changes}, "debug": {"guard": {"passed": True}}}


def result_of(act: Callable[[Smoke], Callable[[], str]], *bodies: Any, status: int = 200) -> Result:
    """A check against a program that answers with the bodies, one after the other."""
    left = iter(bodies)
    smoke = smoke_of(lambda _request: httpx2.Response(status, json=next(left)))
    return check("it", act(smoke))


def test_stores_that_do_not_add_up_are_noticed() -> None:
    right = result_of(lambda smoke: smoke.ask_report, report([["a", 1.5], ["b", 2]]), report([[3.5]]))
    assert right.passed and right.said.startswith("2 stores, ¥3.50 from 1 to 7")
    wrong = result_of(lambda smoke: smoke.ask_report, report([["a", 1.5], ["b", 2]]), report([[4]]))
    assert wrong == Result("it", False, "the stores add up to 3.5, the whole is 4")


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"intent": "clarify", "answer": "Which?"}, 200, "understood as clarify: Which?"),
        ({"error": {"code": "UNAVAILABLE"}}, 503, "answered 503"),
        (report([]), 200, "no rows"),
        (report([["a", 1]], sql=""), 200, "no SQL"),
        ({"intent": "report"}, 200, "another form: KeyError"),
        ([], 200, "did not answer with an object"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(body: Any, status: int, reason: str) -> None:
    found = result_of(lambda smoke: smoke.ask_report, body, body, status=status)
    assert found.passed is False and reason in found.said and "\n" not in found.said


def test_claims_need_sources_and_budgets_must_pay() -> None:
    claim = {"tag": "data", "refs": [], "text": "x"}
    body = {"intent": "diagnose", "diagnosis": {"premise": "holds", "claims": [claim]}}
    assert "no source" in result_of(lambda smoke: smoke.ask_why, body).said
    plan = {"goal": "x", "budget": 10, "offer": {"max_redemptions": 1, "value": 50}}
    assert "budget of 10" in result_of(lambda smoke: smoke.ask_plan, {"intent": "plan", "plan": plan}).said


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        (
            {"publish_status": "failed", "error": "the CRM is away", "coupon_id": None},
            "failed: the CRM is away",
        ),
        ({"publish_status": "published", "error": None, "coupon_id": 1, "issued": 0}, "another coupon"),
    ],
)
def test_a_publishing_that_fails_or_repeats_is_noticed(receipt: dict[str, Any], reason: str) -> None:
    keys: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            keys.append(key_of(json.loads(request.content)["plan"]))
        first = {**receipt, "idempotency_key": keys[-1], "coupon_id": len(keys)}
        return httpx2.Response(200, json={"execution": first})

    smoke = smoke_of(answer)
    smoke.plan = dict(PLAN)
    assert reason in check("D", smoke.publish).said
