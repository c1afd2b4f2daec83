"""A browser without a screen: people signed in to a console, and what a page links to."""

from __future__ import annotations

import re
from html import unescape

from django.test import Client

from accounts.permissions import Role
from tests.fixtures import PASSWORD, World

PLATFORM_HOST = "localhost"
ABSENT = "01990000-0000-7000-8000-0000deadbeef"
LINK = re.compile(r"""(?:src|href|action|data-refresh)\s*=\s*["']([^"']+)["']""")


def browser(host: str) -> Client:
    return Client(headers={"host": host})


def sign_in(client: Client, email: str, password: str = PASSWORD, path: str = "/admin/login/"):
    return client.post(path, {"username": email, "password": password, "next": "/admin/"})


def console(
    people: World, role: str, tenant: str = "alpha", organization: str = "one", *, host: str | None = None
) -> Client:
    """A browser that has signed in as somebody."""
    client = browser(host or f"{tenant}.test")
    answer = sign_in(client, people.user(role, tenant, organization).email)
    assert answer.status_code == 302, answer.content[:500]
    return client


def platform_console(people: World) -> Client:
    return console(people, Role.SUPER_ADMIN, host=PLATFORM_HOST)


def text_of(answer) -> str:
    return unescape(answer.content.decode())


def links_in(answer) -> set[str]:
    return set(LINK.findall(text_of(answer)))


def messages_of(answer) -> list[str]:
    return [str(m) for m in answer.context["messages"]] if answer.context else []


def errors_of(answer) -> dict[str, list[str]]:
    return {field: list(said) for field, said in answer.context["adminform"].form.errors.items()}
