"""Every page on the demo data, one request in flight: server and wire time as one browser sees it; target p95 20 ms."""

from __future__ import annotations

import http.cookiejar
import json
import re
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from app.demo.loader import load_demo
from app.runtime import settings
from benchmarks.load import Call, drive
from benchmarks.program import build_app, databases, redis_server, web_process
from benchmarks.table import print_table

CALLS = 100
SHOP = (
    "/",
    "/products",
    "/products?category_id=1",
    "/products?q=保湿",
    "/products/SKN-002",
    "/login",
    "/register",
)
CUSTOMER = (
    *("/cart", "/checkout", "/coupons", "/orders", "/chat"),
    *("/account", "/account/contacts", "/account/wallet", "/account/messages", "/account/password"),
)
CONSOLE = ("/admin", "/admin/products", "/admin/orders", "/api/docs")
PASSWORD = "mcpshop-demo"


def main() -> None:
    """Print one table."""
    rows: list[list[object]] = []
    with redis_server() as redis_url, databases() as found:
        for engine, database_url in found.items():
            with tempfile.TemporaryDirectory() as folder:
                home = Path(folder)
                app = build_app(home, database_url, redis_url)
                with app.app_context():
                    load_demo(settings(), echo=lambda _line: None)
                with web_process(home, database_url, redis_url) as url:
                    rows += _measure(engine, url)
    print_table(
        "Pages on the demo data, one in flight", ("page", "engine", "p50 ms", "p95 ms", "status"), rows
    )


def _measure(engine: str, url: str) -> Iterator[list[object]]:
    customer, admin = sign_in(url, "demo"), sign_in(url, "admin")
    order = _buy(url)
    pages = [(page, "") for page in SHOP]
    pages += [(page, customer) for page in (*CUSTOMER, f"/orders/{order}")]
    pages += [(page, admin) for page in (*CONSOLE, f"/admin/orders/{order}")]
    for page, cookie in pages:
        call = Call(urllib.parse.quote(page, safe="/?=&"), headers=(("Cookie", cookie),) if cookie else ())
        drive(url, [call] * 5, in_flight=1)
        outcome = drive(url, [call] * CALLS, in_flight=1)
        shown = page.replace(str(order), "<id>")
        yield [
            shown,
            engine,
            f"{outcome.percentile(0.5):.1f}",
            f"{outcome.percentile(0.95):.1f}",
            outcome.statuses,
        ]


def sign_in(url: str, name: str) -> str:
    """The Cookie header of a signed-in browser."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(f"{url}/login").read().decode()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    form = {"csrf_token": token[1] if token else "", "username": name, "password": PASSWORD}
    opener.open(f"{url}/login", urllib.parse.urlencode(form).encode())
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _buy(url: str) -> int:
    """An order of the demo customer, and two things left in the cart; through the API, with a token."""
    form = urllib.parse.urlencode({"username": "demo", "password": PASSWORD}).encode()
    token = json.load(urllib.request.urlopen(f"{url}/api/auth/token", form))["access_token"]

    def post(path: str, body: dict[str, object]) -> dict[str, int]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), headers)
        return dict(json.load(urllib.request.urlopen(asked)))

    post("/api/cart", {"sku": "SKN-001", "quantity": 1})
    order = post("/api/orders", {})["order_id"]
    for sku in ("SKN-002", "BDY-003"):
        post("/api/cart", {"sku": sku, "quantity": 2})
    return int(order)


if __name__ == "__main__":
    main()
