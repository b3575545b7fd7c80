"""The real program, with its worker and scheduler: nobody is at the desk, somebody registers, a mail lies in the home."""

from __future__ import annotations

import email
import json
import time
import urllib.request
from email.policy import default

import pytest

from tests.running import RunningShop

pytestmark = pytest.mark.slow
SECONDS = 30


def test_a_registration_ends_in_a_mail_to_the_consultant(shop: RunningShop) -> None:
    body = {"username": "mailed-about", "email": "mailed@example.com", "password": "correct horse battery"}
    request = urllib.request.Request(
        f"{shop.url}/api/auth/register", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 201
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for path in (shop.home / "mail").glob("*.eml"):
            mail = email.message_from_bytes(path.read_bytes(), policy=default)
            if "mailed-about" in str(mail["Subject"]):
                assert f"{shop.url}/consultant" in mail.get_body(("plain",)).get_content()
                return
        time.sleep(0.2)
    raise AssertionError("no mail came")
