"""Grants and tokens on both engines: races, what ends them, what is kept, and forgetting what is over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from app.accounts.models import User
from app.accounts.service import set_password
from app.core.actor import Actor, Role
from app.core.clock import shifted
from app.core.errors import Forbidden, NotFound
from app.core.ids import digest
from app.db import db, in_transaction, transaction
from app.oauth import clients, jobs, service
from app.oauth.client_metadata import read_metadata
from app.oauth.models import OAuthClient, OAuthGrant, OAuthToken
from app.oauth.queries import find_access, list_clients, list_grants
from app.oauth.scopes import READ, WRITE
from app.oauth.service import Consent, Issued
from tests.builders import actor_of, make_user
from tests.conftest import MakeApp
from tests.oauth.people import Proof

pytestmark = pytest.mark.redis
RESOURCE = "http://localhost/mcp"
BACK = "http://127.0.0.1/cb"
BOTH = frozenset({READ, WRITE})


class World:
    """Alice, and a program that she can allow something. Use inside an application context."""

    def __init__(self) -> None:
        self.user = make_user("alice")
        self.actor = actor_of(self.user)
        body = {"client_name": "Helper", "redirect_uris": [BACK], "token_endpoint_auth_method": "none"}
        metadata = read_metadata(body, kind="registration")
        self.client = in_transaction(lambda: clients.register(metadata)).client.id
        self.proof = Proof()

    def approve(self) -> str:
        consent = Consent(
            client=self.client,
            resource=RESOURCE,
            scopes=BOTH,
            redirect_uri=BACK,
            code_challenge=self.proof.challenge,
        )
        return in_transaction(lambda: service.approve(self.actor, consent))

    def redeem(self, code: str) -> Issued | None:
        def work() -> Issued | None:
            return service.redeem(
                self.client, code, verifier=self.proof.verifier, redirect_uri=BACK, resource=None
            )

        return in_transaction(work)

    def refresh(self, token: str) -> Issued | None:
        return in_transaction(lambda: service.refresh(self.client, token, scopes=None, resource=None))

    def issued(self) -> Issued:
        made = self.redeem(self.approve())
        assert made is not None
        return made


def is_let_in(issued: Issued) -> bool:
    db.session.rollback()
    return find_access(digest(issued.access_token), RESOURCE) is not None


def at_once(app: Flask, work: Callable[[], Any], count: int = 8) -> list[Any]:
    """What `count` threads get who begin together."""
    barrier, results = threading.Barrier(count), []

    def body() -> None:
        with app.app_context():
            barrier.wait(20)
            results.append(work())

    threads = [threading.Thread(target=body) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == count
    return results


def test_of_many_that_refresh_at_once_one_wins_and_the_grant_lives(each_app: Flask) -> None:
    with each_app.app_context():
        world = World()
        first = world.issued()
    results = at_once(each_app, lambda: world.refresh(first.refresh_token))
    winners = [issued for issued in results if issued is not None]
    assert len(winners) == 1
    with each_app.app_context():
        assert is_let_in(winners[0])
        assert db.session.scalar(select(func.count()).select_from(OAuthToken)) == 4


def test_of_many_that_bring_a_code_at_once_at_most_one_gets_tokens_and_they_end(each_app: Flask) -> None:
    with each_app.app_context():
        world = World()
        code = world.approve()
    results = at_once(each_app, lambda: world.redeem(code))
    winners = [issued for issued in results if issued is not None]
    assert len(winners) == 1, "and a code that came twice was stolen:"
    with each_app.app_context():
        assert not is_let_in(winners[0])


def test_nothing_is_kept_that_opens_anything(app: Flask) -> None:
    with app.app_context():
        world = World()
        code = world.approve()
        issued = world.redeem(code)
        assert issued is not None
        kept = repr(
            [
                db.session.execute(select(*model.__table__.columns)).all()
                for model in (OAuthClient, OAuthGrant, OAuthToken)
            ]
        )
        for secret in (code, issued.access_token, issued.refresh_token):
            assert secret not in kept and digest(secret) in kept


def test_lives_end(each_app: Flask) -> None:
    with each_app.app_context():
        world = World()
        code = world.approve()
        with shifted(timedelta(seconds=61)):
            assert world.redeem(code) is None
        issued = world.issued()
        with shifted(timedelta(minutes=14)):
            assert is_let_in(issued)
        with shifted(timedelta(minutes=16)):
            assert not is_let_in(issued)
            fresh = world.refresh(issued.refresh_token)
            assert fresh is not None and is_let_in(fresh)
        with shifted(timedelta(days=29)):
            newer = world.refresh(fresh.refresh_token)
            assert newer is not None
        with shifted(timedelta(days=60)):
            assert world.refresh(newer.refresh_token) is None


def _new_password(user: User) -> None:
    with shifted(timedelta(seconds=1)):
        in_transaction(
            lambda: set_password(db.session.get_one(User, user.id), "another good password, quite new")
        )


def _close(user: User) -> None:
    with transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(is_active=False))


def _delete(user: User) -> None:
    with transaction() as session:
        session.execute(delete(User).where(User.id == user.id))


@pytest.mark.parametrize("end", [_new_password, _close])
def test_a_new_password_and_a_closed_account_end_all(each_app: Flask, end: Callable[[User], None]) -> None:
    with each_app.app_context():
        world = World()
        issued, code = world.issued(), world.approve()
        assert is_let_in(issued) and len(list_grants(world.user.id)) == 1
        end(world.user)
        with shifted(timedelta(seconds=2)):
            assert not is_let_in(issued)
            assert world.refresh(issued.refresh_token) is None
            assert world.redeem(code) is None
            assert list_grants(world.user.id) == []


def test_a_closed_account_that_is_opened_again_has_no_old_programs(each_app: Flask) -> None:
    with each_app.app_context():
        world = World()
        issued = world.issued()
        _close(world.user)
        jobs.clean_up()
        with transaction() as session:
            session.execute(update(User).values(is_active=True))
        assert not is_let_in(issued) and world.refresh(issued.refresh_token) is None


def test_only_the_person_takes_a_grant_back(app: Flask) -> None:
    with app.app_context():
        world = World()
        issued = world.issued()
        (grant,) = list_grants(world.user.id)
        bob = actor_of(make_user("bob"))
        for actor, grant_id in ((bob, grant.id), (world.actor, grant.id + 99)):
            with pytest.raises(NotFound):
                in_transaction(lambda actor=actor, grant_id=grant_id: service.withdraw(actor, grant_id))
        assert is_let_in(issued)
        in_transaction(lambda: service.withdraw(world.actor, grant.id))
        assert not is_let_in(issued)
        with pytest.raises(NotFound):
            in_transaction(lambda: service.withdraw(world.actor, grant.id))


def test_an_admin_sees_programs_and_takes_one_away_with_all_it_has(each_app: Flask) -> None:
    with each_app.app_context():
        world = World()
        issued = world.issued()
        world.refresh(issued.refresh_token)
        (row,) = list_clients().items
        assert (row.client.name, row.people, row.tokens) == ("Helper", 1, 2)
        with pytest.raises(Forbidden):
            in_transaction(lambda: service.delete_client(world.actor, world.client))
        ada = Actor(user_id=make_user("ada", roles=(Role.ADMIN,)).id, roles=frozenset({Role.ADMIN}))
        in_transaction(lambda: service.delete_client(ada, world.client))
        assert not is_let_in(issued)
        assert [
            db.session.scalar(select(func.count()).select_from(model))
            for model in (OAuthClient, OAuthGrant, OAuthToken)
        ] == [0, 0, 0]


def test_a_program_that_is_taken_away_meanwhile_gets_nothing(each_app: Flask) -> None:
    with each_app.app_context():
        world = World()
        code = world.approve()
        with transaction() as session:
            session.execute(delete(OAuthClient))
        assert world.redeem(code) is None
        with pytest.raises(NotFound):
            world.approve()


def test_what_is_over_is_forgotten_and_what_lives_stays(each_app: Flask) -> None:
    with each_app.app_context():
        world = World()
        stale = world.approve()
        live = world.issued()
        unused = World.__new__(World)
        metadata = read_metadata({"redirect_uris": [BACK]}, kind="registration")
        unused.client = in_transaction(lambda: clients.register(metadata)).client.id
        assert jobs.clean_up() == {"oauth_tokens": 0, "oauth_grants": 0, "oauth_clients": 0}
        with shifted(timedelta(days=8)):
            # The first code's grant, the old access token, the program that nobody allowed anything.
            assert jobs.clean_up() == {"oauth_tokens": 1, "oauth_grants": 1, "oauth_clients": 1}
            assert world.redeem(stale) is None
            assert world.refresh(live.refresh_token) is not None
        with shifted(timedelta(days=50)):
            assert jobs.clean_up()["oauth_grants"] == 1
            # It was used once: its registration may be in somebody's settings.
            assert db.session.scalar(select(func.count()).select_from(OAuthClient)) == 1


def test_use_is_noted_once_a_minute(app: Flask) -> None:
    with app.app_context():
        world = World()
        issued = world.issued()
        (grant,) = list_grants(world.user.id)
        assert grant.last_used_at is None and service.is_worth_noting(None)
        in_transaction(lambda: service.note_use(grant.id))
        granted = find_access(digest(issued.access_token), RESOURCE)
        assert granted is not None and granted.last_used_at is not None
        assert not service.is_worth_noting(granted.last_used_at)
        with shifted(timedelta(seconds=61)):
            assert service.is_worth_noting(granted.last_used_at)


def test_the_audience_is_compared_letter_by_letter(each_app: Flask) -> None:
    with each_app.app_context():
        token = digest(World().issued().access_token)
        assert find_access(token, RESOURCE) is not None
        for other in (RESOURCE.upper(), RESOURCE + " ", RESOURCE + "/", "http://localhost/mcp/shop"):
            assert find_access(token, other) is None


def test_the_shops_address_is_an_origin(make_app: MakeApp) -> None:
    app = make_app(public_url="https://Shop.Example.com/")
    told = app.test_client().get("/.well-known/oauth-authorization-server").get_json()
    assert told["issuer"] == "https://shop.example.com"
    for wrong in ("shop.example.com", "https://shop.example.com/path", "ftp://x", "https://a b"):
        with pytest.raises(ValueError, match="PUBLIC_URL"):
            make_app(public_url=wrong)
