"""Agents: what may be set, versions that never change, roll back, shares, keys."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from pydantic import ValidationError
from sqlalchemy import select

from app.core.actor import Actor, Role
from app.core.errors import Conflict, Forbidden, InvalidParam, NotFound, Unauthorized
from app.core.ids import new_id
from app.db import db, in_transaction, transaction
from app.gateway import service
from app.gateway.keys import key_of, masked_key
from app.gateway.models import Agent, AgentVersion
from app.gateway.queries import get_agent, list_agents, list_enabled
from app.gateway.rules import VERSION_FIELDS
from tests.browsing import counted_statements
from tests.builders import actor_of, make_user
from tests.gateway.agents_helpers import BUILTIN, KEY, REMOTE, change, fresh, make_admin, make_agent, weights
from tests.parallel import at_once, in_parallel

pytestmark = pytest.mark.usefixtures("ctx")


@pytest.fixture
def ada(ctx: None) -> Actor:
    return make_admin()


def stored_version(agent_id: int, number: int) -> dict[str, Any]:
    """Every column of a version but its weight."""
    db.session.remove()
    row = db.session.scalars(
        select(AgentVersion).where(AgentVersion.agent_id == agent_id, AgentVersion.number == number)
    ).one()
    return {
        column.key: getattr(row, column.key) for column in row.__table__.columns if column.key != "weight"
    }


def refused_fields(call: Any) -> set[str]:
    """The fields that a refusal names."""
    try:
        call()
    except InvalidParam as error:
        return set(error.fields)
    except ValidationError as error:
        return {str(item["loc"][0]) for item in error.errors()}
    return set()


# ---- making and changing


def test_a_new_agent_has_version_1_with_all_the_traffic(ada: Actor) -> None:
    agent = fresh(make_agent(ada, **REMOTE, note="to begin with", monthly_budget_cents=5_000))
    assert (agent.purpose, agent.priority, agent.enabled, agent.monthly_budget_cents) == (
        "shop",
        100,
        True,
        5_000,
    )
    (version,) = agent.versions
    assert (version.number, version.weight, version.note, version.created_by) == (
        1,
        100,
        "to begin with",
        ada.user_id,
    )
    assert {name: getattr(version, name) for name in VERSION_FIELDS} == {
        **{name: REMOTE.get(name, "") for name in VERSION_FIELDS}
    }


def test_an_edit_of_a_version_makes_a_new_one_and_leaves_the_old_as_it_was(ada: Actor) -> None:
    agent_id = make_agent(ada, **REMOTE)
    before = stored_version(agent_id, 1)
    bob = make_admin("bob")
    made = change(bob, agent_id, model="gpt-next", note="newer model")
    assert made
    assert (made.number, made.note, made.created_by) == (2, "newer model", bob.user_id)
    after = {**before, "id": made.id, "number": 2, "model": "gpt-next"}
    told = stored_version(agent_id, 2)
    assert {name: told[name] for name in VERSION_FIELDS} == {name: after[name] for name in VERSION_FIELDS}
    assert stored_version(agent_id, 1) == before
    assert weights(agent_id) == {1: 0, 2: 100}


@pytest.mark.parametrize(
    "changes",
    [{"name": "Renamed"}, {"purpose": "welcome"}, {"priority": 5}, {"enabled": False}, {"monthly_budget_cents": 0}, {"api_key": KEY}, {"api_key": ""}, {"tools": ["view_cart", "shop"]}],
)  # fmt: skip
def test_what_is_the_agents_own_makes_no_version(ada: Actor, changes: dict[str, Any]) -> None:
    agent_id = make_agent(ada, **REMOTE)
    assert change(ada, agent_id, **changes) is None
    agent = fresh(agent_id)
    assert weights(agent_id) == {1: 100}
    for name in changes.keys() & {"name", "purpose", "priority", "enabled", "monthly_budget_cents"}:
        assert getattr(agent, name) == changes[name]


@pytest.mark.parametrize("name", [name for name in VERSION_FIELDS if name not in ("provider", "app_id")])
def test_each_field_of_a_version_makes_one(ada: Actor, name: str) -> None:
    new = {"base_url": "https://models.example.com/v2", "model": "m2", "system_prompt": "", "temperature": None, "max_tokens": 1, "tools": None}[name]  # fmt: skip
    agent_id = make_agent(ada, **REMOTE)
    made = change(ada, agent_id, **{name: new})
    assert made and getattr(made, name) == new


def test_no_code_can_change_a_version(ada: Actor) -> None:
    agent_id = make_agent(ada, **REMOTE)
    for name, value in {
        "model": "other",
        "sealed_key": "x",
        "note": "y",
        "created_by": None,
        "number": 9,
    }.items():
        with pytest.raises(RuntimeError, match="never changes"), transaction():
            setattr(get_agent(agent_id).versions[0], name, value)
            db.session.flush()
    with transaction():
        get_agent(agent_id).versions[0].weight = 7
    assert weights(agent_id) == {1: 7}


def test_a_new_version_can_wait_without_traffic_or_share_it(ada: Actor) -> None:
    agent_id = make_agent(ada)
    change(ada, agent_id, system_prompt="two", idle=True)
    assert weights(agent_id) == {1: 100, 2: 0}
    change(ada, agent_id, system_prompt="three", weight=50)
    assert weights(agent_id) == {1: 100, 2: 0, 3: 50}
    assert change(ada, agent_id, name="Renamed", idle=True) is None, "no new version to be idle"
    assert weights(agent_id) == {1: 100, 2: 0, 3: 50}
    assert change(ada, agent_id, weight=30) is None, "a share is no new version"
    assert weights(agent_id) == {1: 30, 2: 0, 3: 50}


def test_an_edit_starts_from_the_version_that_leads_or_the_one_named(ada: Actor) -> None:
    agent_id = make_agent(ada, system_prompt="one")
    change(ada, agent_id, system_prompt="two")
    in_transaction(lambda: service.roll_back(ada, agent_id, 1))
    assert getattr(change(ada, agent_id, tools=["shop"]), "system_prompt", None) == "one"
    assert getattr(change(ada, agent_id, tools=["cart"], from_version=2), "system_prompt", None) == "two"
    with pytest.raises(NotFound):
        change(ada, agent_id, tools=[], from_version=99)


def test_an_edit_that_was_overtaken_is_refused(ada: Actor) -> None:
    agent_id = make_agent(ada)
    seen = service.stamp_of(fresh(agent_id))
    change(ada, agent_id, priority=5, seen=seen)
    with pytest.raises(Conflict) as caught:
        change(ada, agent_id, priority=6, seen=seen)
    assert caught.value.code == "EDIT_CONFLICT"
    assert fresh(agent_id).priority == 5


# ---- what may be set


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", " "), ("name", "x" * 81), ("name", "a\tb"), ("name", "a\x00b"), ("name", None),
        ("purpose", "other"), ("provider", "other"), ("provider", None),
        ("priority", -1), ("priority", 10_001), ("priority", "5"), ("priority", True),
        ("monthly_budget_cents", -1), ("monthly_budget_cents", 2**31),
        ("base_url", ""), ("base_url", "ftp://x"), ("base_url", "models.example.com"), ("base_url", "file:///etc/passwd"),
        ("base_url", "http://"), ("base_url", "http://a b/"), ("base_url", "http://user:pw@host/v1"), ("base_url", "http://user@host"),
        ("base_url", "https://host/v1?key=1"), ("base_url", "https://host/v1#x"), ("base_url", "https://host:99999/"),
        ("base_url", "https://" + "x" * 400), ("base_url", "https://host\\@evil"), ("base_url", "javascript:alert(1)"),
        ("model", ""), ("model", "x" * 81), ("model", "a\nb"),
        ("api_key", "with space"), ("api_key", "line\r\nX-Other: 1"), ("api_key", "ключ"), ("api_key", "x" * 501),
        ("system_prompt", "x" * 20_001), ("system_prompt", "\x00"),
        ("temperature", -0.1), ("temperature", 2.1), ("temperature", float("nan")), ("temperature", float("inf")),
        ("max_tokens", 0), ("max_tokens", 32_001), ("max_tokens", 1.5),
        ("tools", ["no_such_tool"]), ("tools", "shop"), ("tools", [None]), ("tools", ["x" * 65]), ("tools", ["shop"] * 101),
        ("weight", -1), ("weight", 1_001), ("weight", 0), ("note", "x" * 201), ("enabled", 1), ("enabled", "maybe"),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_at_its_field(ada: Actor, field: str, value: Any) -> None:
    told = refused_fields(lambda: make_agent(ada, **{**REMOTE, field: value}))
    assert told == {field}
    agent_id = make_agent(ada, **REMOTE)
    if (field, value) not in (("weight", 0), ("base_url", "")):
        assert field in refused_fields(lambda: change(ada, agent_id, **{field: value}))
    assert weights(agent_id) == {1: 100}


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "名" * 80), ("priority", 0), ("priority", 10_000), ("monthly_budget_cents", 0), ("temperature", 0), ("temperature", 2), ("max_tokens", 1), ("max_tokens", 32_000), ("system_prompt", "字" * 20_000), ("tools", []), ("tools", None), ("weight", 1_000), ("base_url", "http://[2001:db8::1]:8080/v1"), ("base_url", "https://模型.example/v1"), ("system_prompt", "a\nb\tc")],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_what_is_just_within_bounds_is_kept(ada: Actor, field: str, value: Any) -> None:
    agent = fresh(make_agent(ada, **{**REMOTE, field: value}))
    holder = agent if field in ("name", "priority", "monthly_budget_cents") else agent.versions[0]
    assert getattr(holder, field) == value


def test_each_provider_needs_what_it_needs_and_keeps_nothing_else(ada: Actor) -> None:
    dify = {**REMOTE, "provider": "dify", "app_id": "app-1"}
    assert refused_fields(lambda: make_agent(ada, **{**dify, "app_id": ""})) == {"app_id"}
    assert refused_fields(lambda: make_agent(ada, **{**dify, "api_key": ""})) == {"api_key"}
    version = fresh(make_agent(ada, **dify)).versions[0]
    assert (version.app_id, version.model, version.temperature, version.max_tokens) == (
        "app-1",
        "",
        None,
        None,
    )
    built_in = fresh(make_agent(ada, **{**dify, "provider": "builtin", "name": "B"})).versions[0]
    assert (built_in.base_url, built_in.app_id, built_in.sealed_key) == ("", "", "")
    keyless = fresh(make_agent(ada, **{**REMOTE, "api_key": "", "name": "Local"})).versions[0]
    assert keyless.sealed_key == "", "servers on one's own machine want no key"


def test_a_name_is_had_once_whatever_its_case_and_a_deleted_one_is_free(ada: Actor) -> None:
    first = make_agent(ada, name="Main")
    for name in ("Main", "MAIN"):
        with pytest.raises(Conflict) as caught:
            make_agent(ada, name=name)
        assert caught.value.code == "NAME_TAKEN"
    other = make_agent(ada, name="Other")
    with pytest.raises(Conflict):
        change(ada, other, name="main")
    assert change(ada, other, name="OTHER") is None, "its own name in another case"
    in_transaction(lambda: service.delete_agent(ada, first))
    again = make_agent(ada, name="Main")
    in_transaction(lambda: service.delete_agent(ada, again))
    make_agent(ada, name="Main")


def test_two_who_take_a_name_at_once_are_told_apart(each_app: Flask) -> None:
    with each_app.app_context():
        ada = make_admin()
        told = in_parallel(
            each_app, at_once(lambda: service.create_agent(ada, {**BUILTIN, "name": "Same"}).id, 4)
        )
    assert told.count("NAME_TAKEN") == 3


def test_edits_at_once_make_one_version_each(each_app: Flask) -> None:
    with each_app.app_context():
        ada = make_admin()
        agent_id = make_agent(ada)

        def edit() -> int:
            made = service.update_agent(ada, agent_id, {"system_prompt": new_id()}).version
            return made.number if made else 0

        assert sorted(in_parallel(each_app, at_once(edit, 5))) == [2, 3, 4, 5, 6]
        assert sorted(weights(agent_id).values()) == [0, 0, 0, 0, 0, 100]


# ---- keys


def test_a_key_is_sealed_and_an_empty_one_keeps_it(ada: Actor) -> None:
    agent_id = make_agent(ada, **REMOTE)
    version = fresh(agent_id).versions[0]
    assert KEY not in version.sealed_key and len(version.sealed_key) > 80
    assert key_of(version) == KEY
    assert masked_key(version) == "••••" + KEY[-4:]
    change(ada, agent_id, model="m2", api_key="")
    assert key_of(fresh(agent_id).versions[1]) == KEY
    change(ada, agent_id, api_key="sk-another-key-of-the-shop")
    assert key_of(fresh(agent_id).versions[2]) == "sk-another-key-of-the-shop"
    change(ada, agent_id, clear_key=True)
    assert fresh(agent_id).versions[3].sealed_key == ""


def test_a_key_does_not_go_to_another_host(ada: Actor) -> None:
    agent_id = make_agent(ada, **REMOTE)
    for url in (
        "https://evil.example/v1",
        "http://models.example.com/v1",
        "https://models.example.com:444/v1",
    ):
        assert refused_fields(lambda url=url: change(ada, agent_id, base_url=url)) == {"api_key"}
    assert refused_fields(lambda: change(ada, agent_id, provider="dify", app_id="a")) == {"api_key"}
    assert change(ada, agent_id, base_url="https://models.example.com:443/other")
    assert change(ada, agent_id, base_url="https://evil.example/v1", clear_key=True)
    assert fresh(agent_id).versions[-1].sealed_key == ""


def test_a_key_sealed_with_another_secret_is_told_and_can_be_replaced(ada: Actor, app: Flask) -> None:
    agent_id = make_agent(ada, **REMOTE)
    app.extensions["mcpshop_settings"].secret_key = "another-secret-key-of-at-least-32-characters"
    assert masked_key(fresh(agent_id).versions[0]) == "?"
    change(ada, agent_id, api_key=KEY)
    assert masked_key(fresh(agent_id).versions[1]) == "••••" + KEY[-4:]


# ---- shares, roll back, deleting


def test_roll_back_gives_all_the_traffic_to_one_version(ada: Actor) -> None:
    agent_id = make_agent(ada)
    change(ada, agent_id, system_prompt="two")
    change(ada, agent_id, system_prompt="three", weight=40)
    in_transaction(lambda: service.roll_back(ada, agent_id, 1))
    assert weights(agent_id) == {1: 100, 2: 0, 3: 0}
    with pytest.raises(NotFound):
        in_transaction(lambda: service.roll_back(ada, agent_id, 9))


def test_shares_are_set_as_a_whole(ada: Actor) -> None:
    agent_id, other = make_agent(ada), make_agent(ada, name="Other")
    change(ada, agent_id, system_prompt="two")
    one, two = (version.id for version in fresh(agent_id).versions)
    stranger = fresh(other).versions[0].id
    in_transaction(lambda: service.set_shares(ada, agent_id, {one: 30, two: 70}))
    assert weights(agent_id) == {1: 30, 2: 70}
    for wrong in (
        {},
        {one: 0},
        {one: 0, two: 0},
        {one: -1, two: 5},
        {one: 1_001},
        {one: 5, stranger: 5},
        {0: 1},
    ):
        told = refused_fields(
            lambda wrong=wrong: in_transaction(lambda: service.set_shares(ada, agent_id, wrong))
        )
        assert told == {"shares"}, wrong
    assert weights(agent_id) == {1: 30, 2: 70}
    in_transaction(lambda: service.set_shares(ada, agent_id, {one: 5}))
    assert weights(agent_id) == {1: 5, 2: 0}


def test_a_deleted_agent_is_gone_and_its_rows_stay(ada: Actor) -> None:
    agent_id = make_agent(ada)
    in_transaction(lambda: service.delete_agent(ada, agent_id))
    with pytest.raises(NotFound):
        fresh(agent_id)
    assert list_agents() == [] and list_enabled("shop") == []
    kept = db.session.get_one(Agent, agent_id)
    assert kept.deleted_at is not None and not kept.enabled and len(kept.versions) == 1
    for call in (service.delete_agent, lambda actor, row: service.update_agent(actor, row, {})):
        with pytest.raises(NotFound):
            in_transaction(lambda call=call: call(ada, agent_id))


# ---- who, and what the chat reads


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.CONSULTANT, Role.OPERATOR])
def test_only_admins_may_change_agents(ada: Actor, role: Role) -> None:
    agent_id = make_agent(ada)
    one = fresh(agent_id).versions[0].id
    for actor, error in (
        (actor_of(make_user(f"u{role}", roles=(role,))), Forbidden),
        (Actor(guest_id="g"), Unauthorized),
    ):
        for call in (
            lambda actor: service.create_agent(actor, {**BUILTIN, "name": "New"}),
            lambda actor: service.update_agent(actor, agent_id, {"priority": 1}),
            lambda actor: service.roll_back(actor, agent_id, 1),
            lambda actor: service.set_shares(actor, agent_id, {one: 1}),
            lambda actor: service.delete_agent(actor, agent_id),
        ):
            with pytest.raises(error):
                in_transaction(lambda call=call, actor=actor: call(actor))
    assert weights(agent_id) == {1: 100}


def test_enabled_agents_come_in_the_order_they_are_asked_with_one_statement(ada: Actor, app: Flask) -> None:
    late = make_agent(ada, name="late", priority=200)
    first = make_agent(ada, name="first", priority=1)
    second = make_agent(ada, name="second", priority=1)
    make_agent(ada, name="off", priority=0, enabled=False)
    make_agent(ada, name="other purpose", purpose="welcome")
    change(ada, first, system_prompt="two")
    db.session.remove()
    with counted_statements(app) as statements:
        found = list_enabled("shop")
        told = [(agent.id, [version.number for version in agent.versions]) for agent in found]
    assert told == [(first, [2]), (second, [1]), (late, [1])]
    assert len(statements) == 1


def test_a_change_of_another_process_counts_at_once(make_app: Any, ada: Actor, app: Flask) -> None:
    agent_id = make_agent(ada, **REMOTE)
    other = make_app(app.config["SQLALCHEMY_DATABASE_URI"])

    def models() -> list[str]:
        """What a long-lived session of the other process reads now; it keeps what it read before."""
        db.session.commit()
        known.extend(list_enabled("shop"))
        return [version.model for agent in list_enabled("shop") for version in agent.versions]

    known: list[Agent] = []
    with other.app_context():
        assert models() == ["gpt-test"]
        with app.app_context():
            change(ada, agent_id, model="gpt-next", priority=7)
        assert models() == ["gpt-next"]
        assert list_enabled("shop")[0].priority == 7
        with app.app_context():
            in_transaction(lambda: service.roll_back(ada, agent_id, 1))
        assert models() == ["gpt-test"]
        with app.app_context():
            in_transaction(lambda: service.delete_agent(ada, agent_id))
        assert models() == []


def test_versions_are_kept_on_both_databases(each_app: Flask) -> None:
    with each_app.app_context():
        ada = make_admin()
        agent_id = make_agent(ada, **{**REMOTE, "system_prompt": "😀" * 5_000, "temperature": 0.7})
        change(ada, agent_id, tools=None)
        in_transaction(lambda: service.roll_back(ada, agent_id, 1))
        (agent,) = list_enabled("shop")
        assert [(each.number, each.temperature, each.tools) for each in agent.versions] == [
            (1, 0.7, ["shop", "view_cart"])
        ]
        in_transaction(lambda: service.delete_agent(ada, agent_id))
        assert make_agent(ada, name="MAIN")
