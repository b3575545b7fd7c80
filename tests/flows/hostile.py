"""What the tests of wrong input share: a small shop with a fixed cast, hostile values, the database's state.

Alice owns (a cart, orders, a contact, a conversation), Charlie must see nothing, Olivia runs the shop.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, inspect, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.accounts.contacts import ContactDetails, add_contact
from app.accounts.login import LoadedUser
from app.accounts.models import AccountMessage
from app.accounts.tokens import issue_token
from app.campaigns.plans import complete
from app.campaigns.service import submit
from app.cart.models import CartItem
from app.catalogue.search import reindex
from app.consultants import service as consultants
from app.consultants import talking
from app.consultants.models import CannedReply
from app.conversations.models import Conversation
from app.core.actor import Actor, Role
from app.core.clock import now
from app.db import db, in_transaction, transaction
from app.external.models import McpServer
from app.gateway.service import create_agent
from app.insights.knowledge.rules import check_document
from app.insights.knowledge.service import create_document
from app.insights.question import Question
from app.insights.saved import service as saved_reports
from app.mcp.service import create_group
from app.oauth import clients as oauth_clients
from app.oauth import service as oauth_service
from app.oauth.client_metadata import read_metadata
from app.oauth.queries import list_grants
from app.oauth.service import Consent
from app.onboarding.models import AutomationRun
from app.outbox import service as outbox
from app.runtime import redis_bytes
from app.tools.models import ToolCallLog, ToolSetting
from app.voice.models import VoiceSession
from tests.browsing import sign_in
from tests.builders import actor_of, make_coupon, make_product, make_user
from tests.orders.order_helpers import buy, fill_cart, pay

SCRIPT = "<script>alert(1)</script>"
QUOTED = '"><img src=x onerror=alert(1)>'
SQL = "'; DROP TABLE users; --"
HUGE = "x" * 1_000_000
MARKS = ("<script>alert(1)", "<img src=x", "{{7*7}}")

# Text that a field may take or refuse, but that must never break anything or come back unescaped.
TEXTS: tuple[str, ...] = (
    SCRIPT,
    QUOTED,
    SQL,
    "{{7*7}}%(name)s{0}%n",
    "😀👩‍👩‍👧‍👦𠮷",
    "a\x00b",
    "\x1b[31m\x07\r\nSet-Cookie: a=b",
    "\u202egnp.exe\u2028\ufeff",
    "' OR 1=1 --",
    "../../etc/passwd",
    " ",
    "-1",
    "99999999999999999999999999",
    "x" * 300,
)
# Never right where one number, text or truth value is expected.
SHAPES: tuple[Any, ...] = ([], {}, [[]], {"$gt": ""}, ["x"])
NOT_NUMBERS: tuple[Any, ...] = ("abc", "", 1.5, "1e3", float("nan"), float("inf"))
NOT_TEXTS: tuple[Any, ...] = (5, 1.5, True)
LONE_SURROGATE = "\ud800"
# Bodies that are no JSON object, as bytes.
BROKEN_BODIES: tuple[bytes, ...] = (
    b"{",
    b'{"a": }',
    b"\xff\xfe\x00",
    b"\x00",
    b"nul",
    b"'single'",
    b'{"a": 1',
    b"a=b&c=d",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"quantity": ' + b"9" * 6_000 + b"}",
)
WRONG_BODIES: tuple[bytes, ...] = (b"[]", b"null", b"5", b'"text"', b"true", b"[{}]", b"1e999")
# Blueprints with a form and tests of their own.
PROTOCOLS = frozenset({"mcp", "mcp_sse", "oauth", "oauth_metadata"})


@dataclass
class World:
    """An application with a small shop: ids of what Alice owns, everybody as actor and by token."""

    app: Flask
    ids: dict[str, Any] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def bearer(self, name: str, **headers: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[name]}", **headers}

    def browser(self, name: str | None = None) -> FlaskClient:
        """A browser, signed in when a name is given."""
        client = self.app.test_client()
        if name:
            actor = self.actors[name]
            sign_in(client, LoadedUser(actor.require_user(), name, actor.roles))
        return client

    def refill_cart(self) -> None:
        """Give Alice two of A and one of B again, whatever is in her cart."""
        with self.app.app_context():
            with transaction() as session:
                session.execute(delete(CartItem).where(CartItem.user_id == self.actors["alice"].user_id))
            fill_cart(self.actors["alice"], A=2, B=1)
            self.ids["item_id"] = db.session.scalar(select(CartItem.id).where(CartItem.sku == "A"))
            db.session.remove()

    def state(self) -> dict[str, str]:
        """A checksum of every table's rows."""
        with self.app.app_context():
            with db.engine.connect() as connection:
                names = sorted(inspect(connection).get_table_names())
                found = {name: _checksum(connection, name) for name in names if "search_" not in name}
            db.session.remove()
        return found


def _checksum(connection: Any, table: str) -> str:
    rows = sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {table}")))
    return f"{len(rows)} rows {hashlib.sha256(''.join(rows).encode('utf-8', 'replace')).hexdigest()[:12]}"


@dataclass(frozen=True)
class Kept:
    """A world as it was when it was built: the database's file, what stood in Redis, and the world's own values."""

    built_at: float
    database: bytes
    redis: tuple[tuple[bytes, int, bytes], ...]
    values: tuple[dict[str, Any], dict[str, Actor], dict[str, str]]


_kept: dict[tuple[str, str], Kept] = {}
# A question waits for its yes for five minutes.
KEEP_SECONDS = 120


def build_world(app: Flask, *, name: str = "轻盈防晒乳", title: str = "Sunscreen") -> World:
    """Fill an empty shop; `name` is the product's, the contact's and the conversation's.

    On SQLite the same shop is taken from a copy for two minutes: filling it takes a second.
    """
    if not app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        return _build_world(app, name, title)
    kept = _kept.get((name, title))
    if kept is None or time.monotonic() - kept.built_at > KEEP_SECONDS:
        world = _build_world(app, name, title)
        _kept[name, title] = _keep(world)
        return world
    return _restore(app, kept)


def _database_of(app: Flask) -> Path:
    return Path(app.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///"))


def _keep(world: World) -> Kept:
    with world.app.app_context():
        db.session.remove()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
        found = redis_bytes()
        keys = cast(list[bytes], found.keys("*"))
        dumped = ((key, max(0, found.pttl(key)), found.dump(key)) for key in keys)
        # On a busy machine a key that lives for seconds may have gone since it was listed.
        kept = tuple((key, life, cast(bytes, value)) for key, life, value in dumped if value is not None)
    values = (dict(world.ids), dict(world.actors), dict(world.tokens))
    return Kept(time.monotonic(), _database_of(world.app).read_bytes(), kept, values)


def _restore(app: Flask, kept: Kept) -> World:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
        path = _database_of(app)
        for leftover in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            leftover.unlink(missing_ok=True)
        path.write_bytes(kept.database)
        for key, life, value in kept.redis:
            redis_bytes().restore(key, life, value, replace=True)
    ids, actors, tokens = kept.values
    return World(app, dict(ids), dict(actors), dict(tokens))


def _build_world(app: Flask, name: str, title: str) -> World:
    world = World(app)
    with app.app_context():
        roles = {
            "alice": (Role.CUSTOMER,),
            "charlie": (Role.CUSTOMER,),
            "connie": (Role.CONSULTANT,),
            "olivia": (Role.CUSTOMER, Role.OPERATOR),
            "ada": (Role.ADMIN,),
        }
        for person, held in roles.items():
            user = make_user(person, roles=held)
            world.actors[person] = actor_of(user)
            world.tokens[person] = issue_token(user.id)[0]
        text = {"name": name, "name_en": title, "description": name, "description_en": title}
        make_product("A", stock=1_000, price_cents=20_000, **text)
        make_product("B", stock=1_000, price_cents=5_000, **text)
        with transaction():
            reindex()
        coupon = make_coupon("SAVE", name=name[:80], name_en=title[:80])
        alice = world.actors["alice"]
        with transaction():
            contact_id = add_contact(
                alice.require_user(),
                ContactDetails(recipient=name[:60], phone="13800138000", city=name[:60], address=name),
            ).id
            db.session.add(
                AccountMessage(
                    user_id=alice.user_id,
                    template="account.registered",
                    values={"username": name},
                    dedupe_key="hello",
                )
            )
        paid = buy(alice, {"channel": "delivery", "contact_id": contact_id}, A=2)
        pay(alice, paid)
        pending = buy(alice, None, A=1, B=1)
        world.ids = {
            "sku": "A",
            "order_id": pending.id,
            "paid_order_id": paid.id,
            "contact_id": contact_id,
            "coupon_id": coupon.id,
            "agent_id": in_transaction(
                lambda: create_agent(world.actors["ada"], {"name": name[:80], "provider": "builtin"}).id
            ),
            "number": 1,
            **allow_program(alice),
            **_attach(world.actors["ada"], name),
            **_save_report(world.actors["olivia"], title[:60]),
            **_consult(alice, world.actors["connie"], name),
        }
        db.session.remove()
        for message_id in outbox.list_due():
            outbox.deliver(message_id)
        db.session.remove()
    world.refill_cart()
    _talk(world, f"hello {title}")
    return world


def _attach(admin: Actor, name: str) -> dict[str, Any]:
    """A group with a tool, a server that nobody can reach, a logged call, and a document."""
    text = check_document(title=name[:80], content=name, title_en=name[:80], content_en=name, tags=["risk"])

    def work() -> dict[str, Any]:
        values = {"server_code": "pets", "name": name[:60], "tools": ["list_products"]}
        group, _ = create_group(admin, values)
        tool = db.session.scalars(select(ToolSetting).where(ToolSetting.group_id == group.id)).one()
        server = McpServer(
            code="away", name=name[:80], transport="http", url="http://127.0.0.1:9", prefix="away"
        )
        call = ToolCallLog(
            tool_name="list_products", group_id=group.id, caller_app_id="mcp:pets", success=True, duration_ms=1,
            request_data=name, response_data=name,
        )  # fmt: skip
        db.session.add_all((server, call))
        document = create_document(admin, "weather", text)
        db.session.flush()
        return {
            "group_id": group.id,
            "tool_id": tool.id,
            "server_id": server.id,
            "log_id": call.id,
            "key": document.key,
            **_campaign(admin, name),
        }

    return in_transaction(work)


def _save_report(operator: Actor, name: str) -> dict[str, Any]:
    """A saved report, with a link by which others open it."""

    def work() -> dict[str, Any]:
        report = saved_reports.save_report(operator, name, Question(metrics=("gmv",)))
        return {"report_id": report.id, "token": saved_reports.share_report(operator, report.id)}

    return in_transaction(work)


def _consult(customer: Actor, consultant: Actor, text: str) -> dict[str, Any]:
    """A talk of the customer's that the consultant has taken over, with a private note and a canned reply."""

    def work() -> dict[str, Any]:
        talk = Conversation(owner=customer.subject, user_id=customer.user_id, title=text[:80])
        db.session.add(talk)
        db.session.flush()
        consultants.ask_for_person(customer, talk.id, text)
        consultants.claim(consultant, customer.require_user())
        talking.send(consultant, talk.id, text)
        talking.add_note(consultant, talk.id, text)
        reply = CannedReply(code="hello", text_zh=text, text_en=text)
        db.session.add(reply)
        db.session.flush()
        # The one that she talks in is the latest.
        talk.updated_at = now() - timedelta(days=1)
        ids = {"user_id": customer.user_id, "conversation_id": talk.id, "reply_id": reply.id}
        db.session.flush()
        return ids

    return in_transaction(work)


def _campaign(admin: Actor, name: str) -> dict[str, Any]:
    """A campaign that waits for a worker."""
    plan, _ = complete({"goal": name[:80] or "goal", "risk_controls": []})
    submitted = submit(admin, plan)
    return {
        "campaign_id": submitted.campaign_id,
        "idempotency_key": submitted.idempotency_key,
        "coupon_id": 1,
    }


def allow_program(person: Actor) -> dict[str, int]:
    """A program that a person has allowed to act for it: the rows of both."""
    body = {
        "redirect_uris": ["http://127.0.0.1/cb"],
        "client_name": "Helper",
        "token_endpoint_auth_method": "none",
    }
    metadata = read_metadata(body, kind="registration")
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

    def work() -> dict[str, int]:
        client = oauth_clients.register(metadata).client.id
        consent = Consent(
            client=client,
            resource="http://localhost/mcp",
            scopes=frozenset({"mcp:read"}),
            redirect_uri="http://127.0.0.1/cb",
            code_challenge=challenge,
        )
        code = oauth_service.approve(person, consent)
        oauth_service.redeem(client, code, verifier=verifier, redirect_uri=None, resource=None)
        return {"client_id": client, "grant_id": list_grants(person.require_user())[0].id}

    return in_transaction(work)


def _talk(world: World, text: str) -> None:
    """Alice's conversation, with a question that waits for her yes."""
    client = world.app.test_client()
    headers = world.bearer("alice", **{"Accept-Language": "en"})
    said = client.post("/api/chat", json={"text": text}, headers=headers).get_json()
    asked = client.post(
        "/api/chat", json={"text": "place the order", "session_id": said["session_id"]}, headers=headers
    ).get_json()
    kept = client.get(f"/api/chat/sessions/{said['session_id']}/messages", headers=headers).get_json()
    world.ids.update(
        session_id=said["session_id"],
        call_id=next(
            (row["tool_call_id"] for row in kept if row["run_id"] == asked["run_id"] and row["tool_call_id"]),
            "none",
        ),
        run_id=asked["run_id"],
        confirmation_id=asked["confirmation_id"] or "none",
        name="0" * 32 + ".webp",
        filename="css/base.css",
        automation_id=_automation_run(world.app),
        user_id=world.actors["alice"].user_id,
        conversation_id=said["session_id"],
        voice_id=_voice_session(client, headers, world.app),
    )


def _voice_session(client: FlaskClient, headers: dict[str, str], app: Flask) -> int:
    """A session in which Alice has spoken."""
    client.post("/v1/api/interpret", json={"sessionId": "s1", "text": "what's in my cart"}, headers=headers)
    with app.app_context():
        return int(db.session.scalars(select(VoiceSession.id)).one())


def _automation_run(app: Flask) -> int:
    """A welcome that nobody works on."""
    with app.app_context():
        values = {"registered_at": now(), "day": now().date(), "finished_at": now()}
        run = AutomationRun(user_id=make_user().id, status="done", **values)
        with transaction() as session:
            session.add(run)
        return run.id


def assert_error_form(response: TestResponse, what: object = "") -> dict[str, Any]:
    """The error form of api.md, exactly; returns it."""
    assert response.mimetype == "application/json", (what, response.status, response.text[:200])
    body = json.loads(response.text)
    assert list(body) == ["error"], (what, body)
    error = body["error"]
    assert set(error) - {"fields"} == {"code", "message", "request_id"}, (what, error)
    assert error["code"].isupper(), (what, error)
    assert error["message"], (what, error)
    assert error["request_id"] == response.headers["X-Request-Id"], (what, error)
    fields = error.get("fields", {"a": "b"})
    assert fields, (what, error)
    assert all(isinstance(text, str) and text for text in fields.values()), (what, error)
    assert "Traceback" not in response.text, what
    assert "sqlalchemy" not in response.text.lower(), what
    return error


def assert_escaped(response: TestResponse, what: object = "") -> None:
    """Nothing hostile became markup or ran as a template."""
    assert response.status_code < 500, (what, response.status)
    if response.mimetype != "text/html":
        return
    found = [mark for mark in MARKS[:2] if mark in response.text]
    assert not found, (what, found, _around(response.text, found[0]))


def _around(text: str, mark: str) -> str:
    place = text.index(mark)
    return text[max(0, place - 120) : place + 80]


def path_of(rule: Rule, ids: dict[str, Any]) -> str:
    """The rule's path with Alice's ids."""
    return "".join(
        str(ids[part]) if is_dynamic else part for is_dynamic, part in rule._trace if part != "|"
    ).removeprefix("|")


def rules_of(app: Flask, method: str, *, api: bool) -> Iterator[Rule]:
    """The routes of our own for a method: of the JSON API, or the pages."""
    for rule in app.url_map.iter_rules():
        # A protocol of its own, with tests of its own.
        if rule.endpoint.partition(".")[0] in PROTOCOLS:
            continue
        is_api = rule.rule.startswith(("/api/", "/v1/", "/mock/")) or rule.rule in ("/health", "/metrics")
        if rule.endpoint != "static" and method in rule.methods and is_api == api:
            yield rule
