"""The pages of campaigns, without JavaScript and by htmx, for those who may see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.campaigns import publishing
from app.campaigns.models import Campaign
from app.core.actor import Role
from app.db import db
from tests.browsing import PARTIAL, post_form, sign_in
from tests.builders import make_user
from tests.campaigns.campaign_rows import count_rows, make_customer, only_campaign
from tests.campaigns.crm_server import TOKEN, FakeCrm, crm_server, status
from tests.conftest import MakeApp

pytestmark = pytest.mark.redis
BRIEF = (
    "/ops/campaigns/new?q=20%20off%20100%20for%20level%202%20and%20above%2C%20two%20weeks%2C%20budget%204k"
)


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCrm]:
    monkeypatch.setattr("app.campaigns.crm.PAUSES", (0.01, 0.01))
    with crm_server() as running:
        yield running


@pytest.fixture
def shop(make_app: MakeApp, crm: FakeCrm) -> Flask:
    app = make_app(crm_base_url=crm.url, crm_token=TOKEN)
    with app.app_context():
        make_customer("alice")
    return app


@pytest.fixture
def desk(shop: Flask) -> FlaskClient:
    return browser_of(shop, "olga", Role.OPERATOR)


def browser_of(shop: Flask, name: str, role: Role) -> FlaskClient:
    client = shop.test_client()
    with shop.app_context():
        user = make_user(name, roles=(Role.CUSTOMER, role))
    sign_in(client, user)
    client.set_cookie("locale", "en")
    return client


def fields_of(page: str) -> dict[str, str]:
    """What the plan's form would send as it stands."""
    form = page[page.index('id="plan-form"') : page.index('id="estimate"')]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            found[name[1]] = unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(text).strip()
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', options) or re.search(
            r'value="([^"]*)"', options
        )
        assert chosen
        found[name] = unescape(chosen[1])
    return found


def draft(desk: FlaskClient) -> dict[str, str]:
    page = desk.get(BRIEF)
    assert page.status_code == 200
    return fields_of(page.text)


def work(shop: Flask) -> None:
    """What the worker does."""
    with shop.app_context():
        publishing.publish(only_campaign().id)
        db.session.remove()


def publish(desk: FlaskClient, **changes: str) -> str:
    """Publish the drafted plan; the address of its campaign."""
    answer = post_form(desk, "/ops/campaigns", **{**draft(desk), **changes})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_the_desk_is_for_operators_and_admins(shop: Flask) -> None:
    for role, code in ((Role.CUSTOMER, 403), (Role.CONSULTANT, 403), (Role.ADMIN, 200)):
        client = browser_of(shop, f"p{role}", role)
        assert client.get("/ops/campaigns").status_code == code
        assert client.get(BRIEF).status_code == code
        assert client.get("/ops/campaigns/1").status_code == (403 if code == 403 else 404)


def test_without_a_campaign_the_list_says_what_to_do(desk: FlaskClient) -> None:
    page = desk.get("/ops/campaigns").text
    assert "No campaign yet" in page
    assert "/ops/campaigns/new" in page


def test_the_new_page_shows_sentences_to_try(desk: FlaskClient) -> None:
    page = desk.get("/ops/campaigns/new").text
    links = re.findall(r'href="(/ops/campaigns/new\?q=[^"]+)"', page)
    assert len(links) == 3
    for link in links:
        assert 'id="plan-form"' in desk.get(unescape(link)).text


def test_a_sentence_fills_the_form_and_the_estimate(desk: FlaskClient) -> None:
    page = desk.get(BRIEF).text
    fields = fields_of(page)
    assert (fields["budget"], fields["duration_days"], fields["max_redemptions"]) == ("4000", "14", "200")
    assert (fields["threshold"], fields["value"]) == ("100", "20")
    assert (fields["rules-0-field"], fields["rules-0-op"], fields["rules-0-value"]) == ("level", ">=", "2")
    assert "In the segment" in page
    assert "6 other" not in page


def test_the_estimate_follows_the_form_by_htmx_and_by_a_button(desk: FlaskClient) -> None:
    fields = draft(desk)
    wrong = {**fields, "budget": "100"}
    part = post_form(desk, "/ops/campaigns/estimate", partial=True, **wrong)
    assert part.status_code == 200
    assert part.text.lstrip().startswith("<section")
    assert "The budget of ¥100.00 is less than 200 redemptions" in part.text
    whole = post_form(desk, "/ops/campaigns/estimate", **wrong)
    assert fields_of(whole.text)["budget"] == "100"
    assert "is less than" in whole.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"budget": "much"}, "must be a number"),
        ({"budget": ""}, "must be a number"),
        ({"duration_days": "1.5"}, "whole number"),
        ({"duration_days": "0"}, "At least 1"),
        ({"goal": ""}, "At least 1 characters"),
        ({"value": "500"}, "More off than"),
        ({"offer_type": "gift"}, "Not a valid choice"),
        ({"rules-0-op": "LIKE"}, "A condition is not valid."),
        ({"rules-0-value": "9"}, "does not fit"),
        ({"rules-0-value": ""}, "does not fit"),
        ({"rules-0-field": "city", "rules-0-op": "==", "rules-0-value": "Atlantis"}, "Atlantis"),
        ({"risk_controls": "x" * 400}, "At most 300 characters"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_published(
    shop: Flask, desk: FlaskClient, change: dict[str, str], told: str
) -> None:
    fields = {**draft(desk), **change}
    for path in ("/ops/campaigns", "/ops/campaigns/estimate"):
        answer = post_form(desk, path, **fields)
        assert (answer.status_code, told in unescape(answer.text)) == (422, True), answer.text[-3000:]
    part = post_form(desk, "/ops/campaigns/estimate", partial=True, **fields)
    assert told in unescape(part.text)
    with shop.app_context():
        assert count_rows(Campaign) == 0


def test_a_budget_that_is_too_small_is_refused_when_publishing(shop: Flask, desk: FlaskClient) -> None:
    answer = post_form(desk, "/ops/campaigns", **{**draft(desk), "budget": "3999"})
    assert answer.status_code == 422
    assert "The budget does not pay for the redemptions." in answer.text
    with shop.app_context():
        assert count_rows(Campaign) == 0


def test_no_form_is_taken_without_its_token(desk: FlaskClient) -> None:
    for path in (
        "/ops/campaigns",
        "/ops/campaigns/estimate",
        "/ops/campaigns/1/retry",
        "/ops/campaigns/1/end",
    ):
        assert desk.post(path, data={"goal": "x"}).status_code in (400, 403)


def test_the_receipt_looks_again_until_it_is_done(shop: Flask, desk: FlaskClient) -> None:
    address = publish(desk)
    waiting = desk.get(f"{address}?part=receipt", headers=PARTIAL).text
    assert waiting.lstrip().startswith("<div")
    assert "Waiting for a worker" in waiting
    assert "part=receipt" in waiting
    work(shop)
    done = desk.get(f"{address}?part=receipt", headers=PARTIAL).text
    assert "part=receipt" not in done
    assert "Coupon issued" in done
    assert "Nobody has redeemed it yet" in done
    page = desk.get(address).text
    assert only(shop)[0] in page


def only(shop: Flask) -> tuple[str, str]:
    """The campaign's key and status."""
    with shop.app_context():
        campaign = only_campaign()
        return campaign.idempotency_key, campaign.status


def test_the_same_plan_again_leads_to_its_campaign(shop: Flask, desk: FlaskClient) -> None:
    assert publish(desk) == publish(desk)
    assert "was published before" in desk.get("/ops/campaigns").text


def test_a_failed_one_tells_why_and_is_run_again(shop: Flask, desk: FlaskClient, crm: FakeCrm) -> None:
    address = publish(desk)
    crm.planned[:] = [status(500)] * 3
    work(shop)
    page = desk.get(address).text
    assert "the CRM answered 500" in page
    assert "Run it again" in page
    assert post_form(desk, f"{address}/retry").status_code == 303
    work(shop)
    assert only(shop)[1] == "published"
    assert "attempt 2" in desk.get(address).text


def test_it_is_ended_early_and_all_of_it_is_on_record(shop: Flask, desk: FlaskClient) -> None:
    address = publish(desk)
    work(shop)
    assert post_form(desk, f"{address}/end").status_code == 303
    assert only(shop)[1] == "ended"
    assert "Ended" in desk.get(address).text
    again = post_form(desk, f"{address}/end")
    assert again.status_code == 303
    assert "Only a published campaign can be ended." in desk.get(address).text
    with shop.app_context():
        actions = [entry.action for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)]
        assert actions == ["campaign.submitted", "campaign.ended"]


def test_hostile_words_of_a_plan_stay_words(shop: Flask, desk: FlaskClient) -> None:
    address = publish(desk, goal='<script>alert(1)</script>"', definition="<b>all</b>", channels="<i>x</i>")
    for page in (desk.get(address).text, desk.get("/ops/campaigns").text):
        assert "<script>alert(1)" not in page
        assert "<b>all" not in page
        assert "&lt;script&gt;" in page


def test_customers_see_the_coupon_among_theirs(shop: Flask, desk: FlaskClient) -> None:
    publish(desk)
    work(shop)
    client = shop.test_client()
    with shop.app_context():
        alice = db.session.query(User).filter_by(username="alice").one()
    sign_in(client, alice)
    client.set_cookie("locale", "en")
    assert "20 off 100" in client.get("/coupons").text
    stranger = browser_of(shop, "dora", Role.CUSTOMER)
    assert "20 off 100" not in stranger.get("/coupons").text
