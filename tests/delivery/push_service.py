"""A push service of the tests' own: takes what is pushed, checks who signed it, opens it with the browser's keys."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Browser:
    """A browser that has subscribed: its address at the service, and its keys."""

    endpoint: str
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    def subscription(self) -> dict[str, Any]:
        """As PushSubscription.toJSON() has it."""
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": encoded(point), "auth": encoded(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def open(self, sealed: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(sealed, private_key=self.private, auth_secret=self.auth, version="aes128gcm")
        return json.loads(plain)


@dataclass
class Pushed:
    """One request that was taken."""

    path: str
    headers: dict[str, str]
    body: bytes


class PushService:
    """Serves in a thread; `answers` are given one after the other (status, headers), then 201."""

    def __init__(self) -> None:
        self.requests: list[Pushed] = []
        self.answers: deque[tuple[int, dict[str, str]]] = deque()
        self.before_answer: Any = None
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.requests.append(Pushed(self.path, dict(self.headers), body))
                if service.before_answer:
                    service.before_answer()
                status, headers = service.answers.popleft() if service.answers else (201, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def browser(self, name: str = "clara") -> Browser:
        return Browser(f"{self.url}/push/{name}")

    def signed_by(self, request: Pushed) -> tuple[str, dict[str, Any]]:
        """The public key and the claims of the VAPID header, its signature checked (RFC 8292)."""
        scheme, _, rest = request.headers["Authorization"].partition(" ")
        assert scheme == "vapid"
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(parts["k"]))
        claims = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=self.url)
        return parts["k"], claims

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
