"""Somebody who speaks HTTP with the web server: JSON and files, as a program of a customer's would."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from tests.web import WebServer


class Refused(AssertionError):
    """An answer that was not asked for, with what it said."""


class Caller:
    """Somebody with a program: JSON and files over the wire, on the host of a tenant or the platform."""

    def __init__(self, server: WebServer, host: str, token: str | None = None) -> None:
        self.server, self.host, self.token = server, host, token

    def signed_in(self, email: str, password: str) -> Caller:
        """The same place, after a log-in."""
        tokens = self.post("/auth/login", {"email": email, "password": password})
        return Caller(self.server, self.host, tokens["access_token"])

    def get(self, path: str, *, status: int = 200, **query: Any) -> Any:
        """The parsed body, or the bytes of a file."""
        return self._ask("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path, status)

    def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self._ask("POST", path, status, body={} if body is None else body)

    def patch(self, path: str, body: Any, *, status: int = 200) -> Any:
        return self._ask("PATCH", path, status, body=body)

    def send_file(self, path: str, name: str, content: bytes, *, status: int, **fields: str) -> Any:
        """A form with a file."""
        mark = uuid4().hex
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in fields.items()
        ]
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        data = b"".join([*parts, head.encode(), content, f"\r\n--{mark}--\r\n".encode()])
        return self._ask("POST", path, status, data=data, kind=f"multipart/form-data; boundary={mark}")

    def _ask(
        self,
        method: str,
        path: str,
        status: int,
        *,
        body: Any = None,
        data: bytes | None = None,
        kind: str = "application/json",
    ) -> Any:
        headers = {"Host": self.host, "Content-Type": kind}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        sent = data if data is not None else (None if body is None else json.dumps(body).encode())
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request(method, f"/api/v1{path}", body=sent, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != status:
                raise Refused(f"{method} {path}: {answer.status} instead of {status}: {content[:2000]!r}")
            said = answer.getheader("Content-Type", "")
        finally:
            connection.close()
        return json.loads(content) if content and "json" in said else content
