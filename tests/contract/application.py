"""The JSON client as it behaves: another origin, preflights, one stored pair of tokens, its own texts."""

from __future__ import annotations

import logging
import re
from typing import Any

import httpx

from tests.contract.shapes import ERROR, ME, TOKENS, check

# A line for each request would bury what a failing test says.
logging.getLogger("httpx").setLevel(logging.WARNING)
ORIGIN = "http://app.example:3000"
PASSWORD = "correct-horse-9"
# The client replaces every message that contains one of these by a canned sentence.
FILTERED = re.compile(
    r"validation|unauthorized|not found|timeout|network error|500|internal server error|quota|rate limit",
    re.I,
)
# Of prediction forms more is cut off.
LONGEST = 100


class Application:
    """One browser tab. Every call is preceded by its preflight, as browsers do across origins."""

    def __init__(self, base: str) -> None:
        self.http = httpx.Client(base_url=base, timeout=30, headers={"Origin": ORIGIN})
        self.access = self.refresh = ""
        self.me: dict[str, Any] = {}
        self.calls: list[str] = []

    # -- transport ----------------------------------------------------------------------------

    def preflight(self, method: str, path: str, *, upload: bool = False) -> None:
        """Answered without a token, without a redirect, and to be remembered for two hours."""
        wanted = "authorization" if upload else "authorization,content-type"
        headers = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted}
        answer = self.http.options(path, headers=headers)
        assert answer.status_code in {200, 204}, f"preflight of {method} {path}: {answer.status_code}"
        assert answer.headers["access-control-allow-origin"] in {"*", ORIGIN}
        assert method in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert all(name in allowed for name in wanted.split(","))
        assert answer.headers["access-control-max-age"] == "7200"

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any) -> Any:
        """One request with its preflight; every error is held against the contract."""
        self.preflight(method, path, upload="files" in more)
        bearer = self.access if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        if "files" not in more:
            headers["Content-Type"] = "application/json"
        if body is not None:
            more["json"] = body
        answer = self.http.request(method, path, headers=headers, **more)
        self.calls.append(f"{method} {path}")
        assert not answer.is_redirect, f"{method} {path} redirects to {answer.headers.get('location')}"
        assert answer.headers["access-control-allow-origin"] in {"*", ORIGIN}
        if answer.is_error:
            assert answer.headers["content-type"].startswith("application/problem+json")
            assert answer.status_code != 500, f"{method} {path}: {answer.text}"
            check(answer.json(), ERROR, f"{method} {path}")
            detail = answer.json()["detail"]
            assert len(detail) <= LONGEST
            assert not FILTERED.search(detail), f"the client would hide: {detail}"
        return answer

    def get(self, path: str) -> Any:
        return self._good(self.ask("GET", path))

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self._good(
            self.ask("POST", path, {} if body is None and "files" not in more else body, **more)
        )

    def put(self, path: str, body: Any) -> Any:
        return self._good(self.ask("PUT", path, body))

    def patch(self, path: str) -> Any:
        return self._good(self.ask("PATCH", path))

    def delete(self, path: str) -> None:
        answer = self.ask("DELETE", path)
        assert answer.status_code in {200, 204}, answer.text

    def refused(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """The problem of a request that must be refused."""
        answer = self.ask(method, path, body, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        found: dict[str, Any] = answer.json()
        return found

    @staticmethod
    def _good(answer: httpx.Response) -> Any:
        asked = f"{answer.request.method} {answer.request.url.path}"
        assert answer.is_success, f"{asked}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    # -- what the client does with it ---------------------------------------------------------

    def sign_in(self, email: str, password: str = PASSWORD) -> Application:
        """Log-in, and who that is, with the new token."""
        self.access = ""
        tokens = self.post("/auth/login", {"email": email, "password": password})
        check(tokens, TOKENS)
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]
        return self.look()

    def look(self) -> Application:
        self.me = self.get("/users/me")
        check(self.me, ME)
        return self

    def renew(self) -> dict[str, Any]:
        """As the timer does: the refresh token as bearer, an empty object as body."""
        tokens: dict[str, Any] = self._good(self.ask("POST", "/auth/refresh", {}, token=self.refresh))
        check(tokens, TOKENS)
        assert tokens["refresh_token"] == self.refresh
        self.access = tokens["access_token"]
        return tokens
