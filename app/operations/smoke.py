"""Driving the desk once over HTTP, as a program would: a report, a diagnosis, a plan, a published coupon.

Each check returns one line of what it saw, or raises SmokeFailed with the reason.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from app.core.clock import now
from app.operations.formats import money_or_figure

REPORT = "GMV by store for the last 7 days"
TOTAL = "GMV for the last 7 days"
WHY = "Why did the repeat rate fall in the last 7 days?"
# At most one redemption of 50 yuan, for one day: this publishes a real coupon.
PLAN = "Win back members who have not ordered in 60 days: 50 off 300, budget 50 yuan, 1 day"
ANSWER_SECONDS = 60.0
PUBLISH_SECONDS = 90.0
LOOK_SECONDS = 0.5
MAX_REASON = 200
TAGS = {"data", "kb"}


class SmokeFailed(Exception):
    """A check did not pass; the text says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a check. `passed` is None for one that was left out."""

    name: str
    passed: bool | None
    said: str


@dataclass(slots=True)
class Smoke:
    """One drive through the desk. `plan` is what C drafted, for D."""

    client: httpx2.Client
    plan: dict[str, Any] = field(default_factory=dict)

    def sign_in(self, username: str, password: str) -> str:
        """Get a token and use it from here on."""
        told = self._post("/api/auth/token", {"username": username, "password": password})
        self.client.headers["Authorization"] = f"Bearer {told['access_token']}"
        return f"signed in as {username}"

    def ask_report(self) -> str:
        """A report by store, whose rows add up to the report of the whole."""
        body = self._ask(REPORT, "report")
        report = body["report"]
        rows = report["rows"]
        _need(rows, "the report has no rows")
        _need(report["sql"] and report["definitions"], "the report shows no SQL or no definitions")
        _need(body["debug"]["guard"]["passed"] is True, "the guard did not pass the SQL")
        parts = round(sum(row[-1] or 0 for row in rows), 2)
        whole = round(self._ask(TOTAL, "report")["report"]["rows"][0][-1] or 0, 2)
        _need(abs(parts - whole) < 0.01, f"the stores add up to {parts}, the whole is {whole}")
        period = report["period"]
        days = f"{period['start']} to {period['end']}"
        return f"{len(rows)} stores, {money_or_figure(whole, 'yuan')} from {days}"

    def ask_why(self) -> str:
        """A diagnosis whose every claim names its source."""
        found = self._ask(WHY, "diagnose")["diagnosis"]
        _need(found and found["claims"], "the diagnosis has no claims")
        claims = found["claims"]
        _need(all(claim["tag"] in TAGS and claim["refs"] for claim in claims), "a claim has no source")
        from_data = sum(claim["tag"] == "data" for claim in claims)
        return f"premise {found['premise']}, {from_data} claims from data, {len(claims) - from_data} from documents"

    def ask_plan(self) -> str:
        """A plan as strict JSON that its budget pays for."""
        plan = self._ask(PLAN, "plan")["plan"]
        offer = plan["offer"]
        most = offer["max_redemptions"] * offer["value"]
        _need(most <= plan["budget"], f"{most} yuan of redemptions with a budget of {plan['budget']}")
        self.plan = plan
        return f"{plan['goal']}: budget {plan['budget']}, at most {offer['max_redemptions']} redemptions"

    def publish(self) -> str:
        """The plan published, its receipt found by its key, and the same plan again the same receipt."""
        _need(self.plan, "there is no plan to publish")
        # A plan of its own for each drive: the same plan again would only find the first one's receipt.
        plan = {**self.plan, "goal": f"{self.plan['goal'][:150]} · smoke {_stamp(now())}"}
        first = self._post("/api/execute", {"plan": plan})["execution"]
        key = first["idempotency_key"]
        _need(key == key_of(plan), "the idempotency key is not the plan's")
        receipt = self._receipt(key)
        status, error = receipt["publish_status"], receipt["error"]
        _need(status == "published", f"publishing ended as {status}: {error}")
        again = self._post("/api/execute", {"plan": plan})
        _need(again["execution"]["coupon_id"] == receipt["coupon_id"], "the same plan made another coupon")
        return f"coupon {receipt['coupon_id']}, issued to {receipt['issued']}, key {key[:12]}…"

    def _receipt(self, key: str) -> Mapping[str, Any]:
        deadline = time.monotonic() + PUBLISH_SECONDS
        while True:
            receipt: Mapping[str, Any] = self._call("GET", f"/api/execute/{key}")["execution"]
            if receipt["publish_status"] != "pending":
                return receipt
            _need(time.monotonic() < deadline, f"not published within {PUBLISH_SECONDS:.0f} seconds")
            time.sleep(LOOK_SECONDS)

    def _ask(self, query: str, intent: str) -> dict[str, Any]:
        body = self._post("/api/chat", {"query": query})
        _need(body.get("intent") == intent, f"understood as {body.get('intent')}: {body.get('answer', '')}")
        return body

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = self.client.request(method, path, json=body)
        _need(answer.status_code < 400, f"{method} {path} answered {answer.status_code}: {answer.text}")
        told = answer.json()
        _need(isinstance(told, dict), f"{method} {path} did not answer with an object")
        return dict(told)


def key_of(plan: Mapping[str, Any]) -> str:
    """What the key of a plan must be (api.md): SHA-256 of its JSON with sorted keys."""
    text = json.dumps(plan, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _need(holds: object, reason: str) -> None:
    if not holds:
        raise SmokeFailed(reason)


def drive(base_url: str, username: str, password: str, *, publish: bool = True) -> Iterator[Result]:
    """The results one after the other, as they come in. Without a token there is nothing more to try."""
    headers = {"Accept-Language": "en"}
    with httpx2.Client(base_url=base_url, headers=headers, timeout=ANSWER_SECONDS) as client:
        smoke = Smoke(client)
        entry = check("sign in", lambda: smoke.sign_in(username, password))
        yield entry
        if not entry.passed:
            return
        yield check("A report", smoke.ask_report)
        yield check("B diagnosis", smoke.ask_why)
        yield check("C plan", smoke.ask_plan)
        yield check("D publish", smoke.publish) if publish else Result("D publish", None, "left out")


def check(name: str, act: Callable[[], str]) -> Result:
    """Run one check; whatever goes wrong is its reason, in one line."""
    started = time.perf_counter()
    try:
        said = act()
    except SmokeFailed as failed:
        return Result(name, False, _line(str(failed)))
    except httpx2.HTTPError as error:
        return Result(name, False, _line(f"no answer: {error or type(error).__name__}"))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        return Result(name, False, _line(f"the answer has another form: {type(error).__name__} {error}"))
    milliseconds = round((time.perf_counter() - started) * 1_000)
    return Result(name, True, f"{_line(said)} ({milliseconds} ms)")


def _line(text: str) -> str:
    return " ".join(text.split())[:MAX_REASON]
