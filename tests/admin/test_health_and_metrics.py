"""Health, metrics, and the description of the API."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from app.runtime import redis
from app.web.api import ENDPOINTS


def test_health_names_every_part(client: FlaskClient) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json["checks"] == {"database": "ok", "redis": "ok", "worker": "down", "llm": "builtin"}
    assert answer.json["status"] == "degraded" and answer.json["version"]
    assert client.get("/api/health").json == {"ok": True}


def test_a_living_worker_makes_it_whole(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        redis().sadd("rq:workers", "rq:worker:one")
        assert client.get("/health").json["checks"]["worker"] == "down", "its heartbeat has expired"
        redis().hset("rq:worker:one", "birth", "now")
    assert client.get("/health").json["status"] == "ok"


def test_without_redis_it_is_degraded_and_still_serves(make_app: Callable[..., Flask]) -> None:
    answer = make_app(redis_url="redis://127.0.0.1:1/0").test_client().get("/health")
    assert (answer.status_code, answer.json["checks"]["redis"]) == (200, "down")


def test_without_a_database_it_is_503_and_tells_nothing_of_it(make_app: Callable[..., Flask]) -> None:
    answer = make_app(database_url="sqlite:////nowhere/secret.db").test_client().get("/health")
    assert answer.status_code == 503
    assert answer.json["checks"]["database"] == "down"
    assert "secret" not in answer.text


def test_metrics_are_for_this_machine(client: FlaskClient) -> None:
    client.get("/api/categories")
    text = client.get("/metrics").text
    assert 'mcpshop_request_seconds_count{method="GET",route="/api/categories",status="2xx"} 1.0' in text
    assert "mcpshop_outbox_waiting 0.0" in text and 'mcpshop_queue_jobs{queue="urgent"} 0.0' in text
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403


def test_made_up_addresses_make_no_series(client: FlaskClient) -> None:
    for number in range(3):
        client.get(f"/made-up-{number}")
    assert "made-up" not in client.get("/metrics").text


def test_a_token_opens_the_metrics_from_elsewhere(make_app: Callable[..., Flask]) -> None:
    client = make_app(metrics_token="t" * 20).test_client()
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.get("/metrics").status_code == 403
    assert (
        client.get("/metrics", headers={"Authorization": "Bearer wrong"}, environ_base=elsewhere).status_code
        == 403
    )
    answer = client.get("/metrics", headers={"Authorization": "Bearer " + "t" * 20}, environ_base=elsewhere)
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")


def test_the_api_document_is_valid_and_complete(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").json
    validate(document)
    operations = [(path, method) for path, methods in document["paths"].items() for method in methods]
    assert len(operations) == len(ENDPOINTS)
    names = [
        operation["operationId"] for methods in document["paths"].values() for operation in methods.values()
    ]
    assert len(names) == len(set(names))


def test_an_operation_tells_inputs_answers_errors_and_who(client: FlaskClient) -> None:
    paths = client.get("/api/openapi.json").json["paths"]
    listing = paths["/api/products"]["get"]
    assert {"q", "sort", "limit", "in_stock"} <= {parameter["name"] for parameter in listing["parameters"]}
    assert listing["responses"]["200"]["content"]["application/json"]["schema"]["type"] == "array"
    assert "security" not in listing
    create = paths["/api/products"]["post"]
    assert set(create["responses"]) >= {"201", "400", "401", "403", "422"}
    assert create["security"] == [{"bearer": []}, {"session": []}]
    assert create["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("ProductIn")
    assert paths["/api/products/{sku}"]["get"]["parameters"][0]["name"] == "sku"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_readable_page_lists_every_endpoint(client: FlaskClient, language: str) -> None:
    text = client.get("/api/docs", headers={"Accept-Language": language}).text
    assert "/api/products/{sku}" in text and "price_cents" in text
    assert "<script>" not in text
