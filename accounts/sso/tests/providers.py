"""Identity providers for tests: a real one in a process of its own, and one that lies as it is told."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.worker import wait_until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealProvider:
    """oidc-provider-mock: a standards-abiding provider, started as a second process."""

    def __init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers(self) -> bool:
        try:
            return self._call("GET", "/.well-known/openid-configuration")[0] == 200
        except OSError:
            return False

    def _call(self, method: str, target: str, body: str | None = None, kind: str = "") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("Location")
        finally:
            connection.close()

    def person(self, subject: str, **claims: Any) -> None:
        """Make somebody known to the provider."""
        status, _ = self._call("PUT", f"/users/{subject}", json.dumps(claims), "application/json")
        assert status == 204

    def log_in(self, url: str, subject: str) -> str:
        """What the browser is sent back to when this person signs in at the provider's page."""
        parts = urlsplit(url)
        status, back = self._call(
            "POST",
            f"{parts.path}?{parts.query}",
            urlencode({"sub": subject}),
            "application/x-www-form-urlencoded",
        )
        assert status == 302, status
        return str(back)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


@contextmanager
def real_provider() -> Iterator[RealProvider]:
    provider = RealProvider()
    try:
        wait_until(provider.answers, "the identity provider")
        yield provider
    finally:
        provider.stop()


class Liar:
    """A provider that signs what a test tells it to, over real HTTP.

    ``claims`` are laid over good ones, ``key``, ``algorithm`` and ``header`` over the good signature.
    """

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.requests: list[str] = []
        self.reset()
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                liar.requests.append(self.path)
                documents = {
                    "/.well-known/openid-configuration": liar.document,
                    "/keys": lambda: {"keys": [liar.jwk()]},
                    "/big": lambda: {"x": "y" * 600_000},
                }
                if self.path == "/away":
                    self.send_response(302)
                    self.send_header("Location", f"{liar.issuer}/keys")
                    self.end_headers()
                    return
                make = documents.get(self.path)
                self.answer(make() if make else {"error": "absent"}, 200 if make else 404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                liar.form = {name: values[0] for name, values in parse_qs(body).items()}
                liar.authorization = self.headers.get("Authorization", "")
                self.answer({"access_token": "x", "token_type": "Bearer", "id_token": liar.id_token()})

            def answer(self, body: Any, status: int = 200) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Tell the truth again."""
        self.claims: dict[str, Any] = {}
        self.without: set[str] = set()
        self.algorithm, self.signing_key, self.header = "RS256", self.key, {"kid": "one"}
        self.said_issuer = ""
        self.nonce, self.form, self.authorization = "", {}, ""

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.said_issuer or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def jwk(self) -> dict[str, Any]:
        return {
            **RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True),
            "kid": "one",
            "use": "sig",
            "alg": "RS256",
        }

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "person-1",
            "aud": "client-1",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": "person@corp.test",
            "email_verified": True,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if name not in self.without}
        key: Any = {"none": None, "HS256": "client-secret-of-more-than-32-letters"}.get(
            self.algorithm, self.signing_key
        )
        return jwt.encode(claims, key, algorithm=self.algorithm, headers=self.header)

    def basic(self) -> str:
        """What the client has shown as its name and secret."""
        return base64.b64decode(self.authorization.removeprefix("Basic ")).decode()

    def log_in(self, url: str) -> str:
        """What the browser is sent back to: the state as given, and the nonce kept for the token."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.nonce = self.nonce or query["nonce"]
        return f"{query['redirect_uri']}?{urlencode({'state': query['state'], 'code': 'code-1'})}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
