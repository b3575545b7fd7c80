"""Who changed what: written with the change, shown to admins, on both engines."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.audit.models import AuditEntry
from app.audit.queries import AuditFilter, list_entries
from app.audit.service import record
from app.catalogue import service as catalogue
from app.core.actor import Actor, Role
from app.db import in_transaction, transaction
from tests.browsing import sign_in
from tests.builders import actor_of, make_product, make_user


def newest() -> AuditEntry:
    return list_entries(AuditFilter(), 1).items[0]


def test_a_change_and_its_entry_come_together_or_not_at_all(each_app: Flask) -> None:
    with each_app.app_context():
        alice = actor_of(make_user("alice", roles=(Role.OPERATOR,)))
        make_product("A", price_cents=1000)
        in_transaction(lambda: catalogue.update_product(alice, "A", {"price_cents": 1200}))
        with pytest.raises(RuntimeError), transaction():
            catalogue.retire_product(alice, "A")
            raise RuntimeError
        listing = list_entries(AuditFilter(), 10)
        assert [(entry.action, entry.subject, entry.actor_id) for entry in listing.items] == [
            ("product.changed", "A", alice.user_id)
        ]
        assert listing.items[0].details == {"price_cents": "1000 → 1200"}


def test_long_values_are_cut_and_a_shell_has_no_name(each_app: Flask) -> None:
    with each_app.app_context():
        in_transaction(lambda: record(Actor(origin="cli"), "agent.changed", 3, note="x" * 500))
        entry = newest()
        assert (entry.actor_id, entry.origin, len(entry.details["note"])) == (None, "cli", 200)


def test_entries_are_found_by_thing_person_and_name(each_app: Flask) -> None:
    with each_app.app_context():
        alice, bob = (actor_of(make_user(name, roles=(Role.ADMIN,))) for name in ("alice", "bob"))
        with transaction():
            record(alice, "agent.created", 1, name="Fast 100%")
            record(bob, "agent.deleted", 2, name="Slow")
            record(bob, "product.retired", "SKN-001")

        def found(wanted: AuditFilter) -> list[str]:
            return [entry.subject for entry in list_entries(wanted, 10).items]

        assert found(AuditFilter(thing="agent")) == ["2", "1"]
        assert found(AuditFilter(actor_id=bob.user_id)) == ["SKN-001", "2"]
        assert found(AuditFilter(text="100%")) == ["1"]
        assert found(AuditFilter(text="KN-0")) == ["SKN-001"]


def test_admins_read_it_and_nobody_else(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        admin, operator = make_user("carol", roles=(Role.ADMIN,)), make_user("oscar", roles=(Role.OPERATOR,))
        with transaction():
            record(actor_of(admin), "product.changed", "SKN-001", name="<b>Cream</b>", price="1 → 2")
        sign_in(client, operator)
        assert client.get("/admin/audit").status_code == 403
        sign_in(client, admin)
    page = client.get("/admin/audit?thing=product&from=2020-01-01&to=2099-12-31").get_data(as_text=True)
    assert "carol" in page and "SKN-001" in page and "&lt;b&gt;Cream" in page and "<b>Cream" not in page
    empty = client.get("/admin/audit?thing=agent&page=99999999999&from=nonsense").get_data(as_text=True)
    assert "SKN-001" not in empty
