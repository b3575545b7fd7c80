"""When nobody is at the desk, browsers that subscribed are pushed a message that they can open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core.clock import shifted
from app.core.crypto import Vault
from app.core.errors import Forbidden, InvalidParam
from app.db import db, in_transaction
from app.delivery import keys, sending
from app.delivery.models import PushSubscription, VapidKey
from app.delivery.rules import MAX_ATTEMPTS, pause_after
from app.delivery.subscriptions import MOST_BROWSERS, check_endpoint, subscribe
from app.delivery.web_push import seconds_of
from tests.builders import actor_of, make_user
from tests.customers.buying import stock_shelves
from tests.delivery.push_service import PushService
from tests.delivery.telling import comes, consultant, deliver, deliveries, let_take, registers


@pytest.fixture
def shop(told_app: Flask) -> Iterator[Flask]:
    with told_app.app_context():
        stock_shelves()
        yield told_app
        db.session.rollback()


def count_browsers() -> int:
    return db.session.scalar(select(func.count()).select_from(PushSubscription)) or 0


def test_a_browser_gets_what_it_can_open(shop: Flask, service: PushService) -> None:
    clara, browser = consultant(), service.browser()
    let_take(clara, browser)
    registers("alice")
    deliver()
    assert len(service.requests) == 1
    request = service.requests[0]
    told = browser.open(request.body)
    assert told["title"] == "New customer: alice" and told["url"] == "/consultant"
    assert request.headers["Content-Encoding"] == "aes128gcm" and int(request.headers["TTL"]) > 0
    assert b"alice" not in request.body
    assert [row.status for row in deliveries(clara, channel="web_push")] == ["sent"]


def test_it_is_signed_with_the_shops_key(shop: Flask, service: PushService) -> None:
    clara, browser = consultant(), service.browser()
    let_take(clara, browser)
    registers()
    deliver()
    key, claims = service.signed_by(service.requests[0])
    assert key == keys.public_key()
    assert claims["aud"] == service.url and claims["sub"].startswith("mailto:")


def test_the_words_are_in_the_readers_language(shop: Flask, service: PushService) -> None:
    for name, locale in (("clara", "zh"), ("carl", "en")):
        let_take(consultant(name, locale), service.browser(name))
    registers("alice")
    deliver()
    assert len(service.requests) == 2
    titles = {request.path: request for request in service.requests}
    assert set(titles) == {"/push/clara", "/push/carl"}
    rows = deliveries(channel="web_push")
    assert all(row.status == "sent" for row in rows)


def test_nobody_is_pushed_while_somebody_is_at_the_desk(shop: Flask, service: PushService) -> None:
    clara, carl = consultant(), consultant("carl")
    let_take(carl, service.browser("carl"))
    comes(clara)
    registers()
    deliver()
    assert service.requests == []
    assert {row.channel for row in deliveries()} == {"in_app"}


def test_somebody_who_is_away_counts_as_nobody(shop: Flask, service: PushService) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    comes(clara, "away")
    registers()
    deliver()
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(shop: Flask, service: PushService, status: int) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    service.answers.append((status, {}))
    registers()
    deliver()
    assert count_browsers() == 0
    row = deliveries(clara, channel="web_push")[0]
    assert (row.status, row.result, row.attempts) == ("failed", f"http_{status}", 1)
    deliver(timedelta(hours=2))
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_is_busy_is_asked_again(shop: Flask, service: PushService, status: int) -> None:
    clara, browser = consultant(), service.browser()
    let_take(clara, browser)
    service.answers.append((status, {}))
    registers()
    deliver()
    row = deliveries(clara, channel="web_push")[0]
    assert (row.status, row.result, row.attempts) == ("pending", f"http_{status}", 1)
    deliver(timedelta(seconds=5))
    assert len(service.requests) == 1, "the pause is not over"
    deliver(timedelta(seconds=20))
    assert len(service.requests) == 2
    row = deliveries(clara, channel="web_push")[0]
    assert (row.status, row.attempts) == ("sent", 2)
    assert [each["result"] for each in row.tries] == [f"http_{status}", "http_201"]
    assert browser.open(service.requests[1].body)["title"] == "New customer: alice"
    assert service.requests[0].headers["Topic"] == service.requests[1].headers["Topic"]


def test_the_pause_that_a_service_asks_for_is_kept(shop: Flask, service: PushService) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    service.answers.append((503, {"Retry-After": "120"}))
    registers()
    deliver()
    deliver(timedelta(seconds=100))
    assert len(service.requests) == 1
    deliver(timedelta(seconds=130))
    assert len(service.requests) == 2


def test_it_gives_up_after_the_last_attempt(shop: Flask, service: PushService) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    service.answers.extend([(500, {})] * 20)
    registers()
    for turn in range(MAX_ATTEMPTS + 3):
        deliver(timedelta(hours=2 * turn))
    row = deliveries(clara, channel="web_push")[0]
    assert (row.status, row.attempts) == ("failed", MAX_ATTEMPTS)
    assert len(service.requests) == MAX_ATTEMPTS
    assert count_browsers() == 1


def test_a_request_that_is_wrong_is_not_repeated(shop: Flask, service: PushService) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    service.answers.append((413, {}))
    registers()
    deliver()
    assert deliveries(clara, channel="web_push")[0].status == "failed"


def test_a_redirect_is_not_followed(shop: Flask, service: PushService) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    service.answers.append((307, {"Location": f"{service.url}/elsewhere"}))
    registers()
    deliver()
    assert [request.path for request in service.requests] == ["/push/clara"]
    assert deliveries(clara, channel="web_push")[0].result == "http_307"


def test_an_address_that_may_not_be_used_any_more_is_not_asked(shop: Flask, service: PushService) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    registers()
    settings = shop.extensions["mcpshop_settings"]
    shop.extensions["mcpshop_settings"] = settings.model_copy(update={"push_private_urls": ""})
    deliver()
    assert service.requests == []
    assert deliveries(clara, channel="web_push")[0].result == "address_refused"


def test_a_worker_that_dies_in_mid_send_loses_nothing(
    shop: Flask, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    registers()

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(sending, "_keep", die)
        with pytest.raises(SystemExit):
            deliver()
    assert len(service.requests) == 1
    deliver()
    assert len(service.requests) == 1, "the lease of the dead worker is not over"
    deliver(sending.LEASE + timedelta(seconds=1))
    # It may have been shown, it may not: the service replaces the first with the second by their topic.
    assert len(service.requests) == 2
    assert deliveries(clara, channel="web_push")[0].status == "sent"


def test_what_kills_every_worker_comes_to_an_end(shop: Flask, service: PushService) -> None:
    clara = consultant()
    let_take(clara, service.browser())
    registers()
    rows = [row.id for row in deliveries(clara, channel="web_push")]
    for turn in range(MAX_ATTEMPTS + 1):
        with shifted(timedelta(minutes=2 * turn)):
            in_transaction(lambda turn=turn: sending._take(f"lease{turn}", 10))
            in_transaction(sending.give_up_on_the_interrupted)
    with shifted(timedelta(minutes=30)):
        in_transaction(sending.give_up_on_the_interrupted)
    assert [row.result for row in deliveries(clara, channel="web_push") if row.id in rows] == ["interrupted"]


def test_what_was_read_meanwhile_is_not_sent(shop: Flask, service: PushService) -> None:
    from app.delivery.feed import mark_seen

    clara = consultant()
    let_take(clara, service.browser())
    registers()
    in_transaction(lambda: mark_seen(actor_of(clara)))
    deliver()
    assert service.requests == []
    assert {row.result for row in deliveries(clara) if row.channel != "in_app"} == {"read"}


def test_what_somebody_has_taken_care_of_is_not_sent(shop: Flask, service: PushService) -> None:
    from app.consultants.service import claim

    clara, carl = consultant(), consultant("carl")
    let_take(clara, service.browser())
    alice = registers()
    in_transaction(lambda: claim(actor_of(carl), alice.id))
    deliver()
    assert service.requests == []
    assert {row.result for row in deliveries(clara) if row.channel != "in_app"} == {"taken_care_of"}


def test_only_consultants_and_admins_subscribe(shop: Flask, service: PushService) -> None:
    cora, told = actor_of(make_user("cora")), service.browser().subscription()
    keys_ = told["keys"]
    with pytest.raises(Forbidden):
        in_transaction(lambda: subscribe(cora, told["endpoint"], keys_["p256dh"], keys_["auth"]))


def test_a_browser_is_kept_once_and_belongs_to_who_subscribed_last(shop: Flask, service: PushService) -> None:
    clara, carl, browser = consultant(), consultant("carl"), service.browser()
    first = let_take(clara, browser)
    assert let_take(clara, browser) == first
    let_take(carl, browser)
    rows = db.session.scalars(select(PushSubscription)).all()
    assert [row.user_id for row in rows] == [carl.id]


def test_somebodys_oldest_browsers_are_forgotten(shop: Flask, service: PushService) -> None:
    clara = consultant()
    for number in range(MOST_BROWSERS + 2):
        let_take(clara, service.browser(f"b{number}"))
    ends = [row.endpoint.rpartition("/")[2] for row in db.session.scalars(select(PushSubscription))]
    assert len(ends) == MOST_BROWSERS and "b0" not in ends and "b1" not in ends


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.com/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://10.0.0.7/x",
        "https://localhost:8443/x",
        "https://user:pw@8.8.8.8/x",
        "ftp://8.8.8.8/x",
        "javascript:alert(1)",
        "https://8.8.8.8\\@127.0.0.1/",
        "not an address",
        "https://" + "a" * 1_000,
    ],
)
def test_an_endpoint_that_leads_inside_is_refused(ctx: None, endpoint: str) -> None:
    with pytest.raises(InvalidParam):
        check_endpoint(endpoint)


def test_a_public_endpoint_with_a_query_is_taken(ctx: None) -> None:
    check_endpoint("https://8.8.8.8/w/?token=BQY%2f")


def test_keys_that_no_browser_has_are_refused(shop: Flask, service: PushService) -> None:
    clara, told = consultant(), service.browser().subscription()
    for p256dh, auth in (("AAAA", told["keys"]["auth"]), (told["keys"]["p256dh"], "AAAA"), ("ü", "ü")):
        with pytest.raises(InvalidParam):
            in_transaction(lambda p=p256dh, a=auth: subscribe(actor_of(clara), told["endpoint"], p, a))


def test_the_private_key_is_sealed_and_made_once(shop: Flask) -> None:
    public = keys.public_key()
    assert keys.public_key() == public == keys.make_keys()
    row = db.session.scalars(select(VapidKey)).one()
    raw = Vault("test-secret-key-of-at-least-32-characters").unseal(row.sealed_private_key)
    assert raw not in row.sealed_private_key and len(raw) == 43


def test_keys_that_cannot_be_opened_are_replaced_with_their_browsers(
    shop: Flask, service: PushService
) -> None:
    let_take(consultant(), service.browser())
    public = keys.public_key()
    settings = shop.extensions["mcpshop_settings"]
    shop.extensions["mcpshop_settings"] = settings.model_copy(update={"secret_key": "another" * 8})
    assert keys.make_keys() != public
    assert count_browsers() == 0


def test_pauses_grow_and_end() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, MAX_ATTEMPTS + 1)]
    assert pauses == [15, 60, 300, 900, 3_600, None]
    assert pause_after(1, 200.0) == 200.0 and pause_after(1, 1e9) == 6 * 3_600


def test_retry_after_is_read_in_both_forms() -> None:
    assert seconds_of("7") == 7.0
    assert seconds_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert seconds_of("soon") is None and seconds_of("") is None and seconds_of("²") is None
