"""The pages that letters lead to: forms without a script, which change nothing by being opened."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from accounts.permissions import Role
from accounts.recovery import services
from tests.fixtures import PASSWORD, World
from tests.letters import letters, token_in

BETTER = "another-horse-7"


def browser(host="localhost"):
    return Client(headers={"host": host, "accept": "text/html"}, enforce_csrf_checks=True)


def submit(client, page, **data):
    """Open the page as the letter says and press its button."""
    shown = client.get(page)
    assert shown.status_code == 200
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown.content.decode())[1]
    return client.post(page.partition("?")[0], {"csrfmiddlewaretoken": csrf, **data})


@pytest.fixture
def unproved(people: World):
    User.objects.filter(pk=people.user(Role.ANALYST).pk).update(email_verified_at=None)
    return User.objects.get(pk=people.user(Role.ANALYST).pk)


def page_in(letter):
    """The path of the link in a letter."""
    return re.search(re.escape(settings.PUBLIC_APP_URL) + r"(/\S+)", letter.text)[1]


@pytest.mark.parametrize("host", ["localhost", "alpha.test"])
def test_confirming_an_address(unproved, host):
    services.verification_send(user=unproved)
    [letter] = letters(unproved.email)
    client, page, token = browser(host), page_in(letter), token_in(letter)
    for _ in range(2):  # a mail program opens the link first
        client.get(page)
    unproved.refresh_from_db()
    assert unproved.email_verified_at is None
    answer = submit(client, page, token=token)
    assert "Your address is confirmed" in answer.content.decode()
    unproved.refresh_from_db()
    assert unproved.email_verified_at is not None
    again = submit(client, page, token=token)
    assert again.status_code == 400
    assert "not valid any more" in again.content.decode()


def test_saying_that_it_was_somebody_else(unproved):
    services.verification_send(user=unproved)
    [letter] = letters(unproved.email)
    answer = submit(browser(), page_in(letter), token=token_in(letter), second="1")
    assert "closed to whoever registered it" in answer.content.decode()
    assert not User.objects.with_credential().get(pk=unproved.pk).check_password(PASSWORD)


def test_a_forgotten_password_from_beginning_to_end(people: World):
    user, client = people.user(Role.ANALYST), browser()
    words = [
        submit(client, "/account/forgot", email=email).content.decode()
        for email in (user.email, "nobody@nowhere.test")
    ]
    assert words[0] == words[1]
    [letter] = letters(user.email)
    weak = submit(client, page_in(letter), token=token_in(letter), password="short")
    assert weak.status_code == 400
    assert "too short" in weak.content.decode()
    answer = submit(client, page_in(letter), token=token_in(letter), password=BETTER)
    assert "The password is set" in answer.content.decode()
    assert User.objects.with_credential().get(pk=user.pk).check_password(BETTER)


@pytest.mark.parametrize("page", ["verify", "forgot", "reset"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_pages_run_nothing_keep_nothing_and_tell_nobody(people: World, page, slash):
    answer = browser().get(f"/account/{page}{slash}?token=<script>alert(1)</script>")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<script" not in text
    assert "style=" not in text
    assert not re.search(r'(src|href)="https?:', text)
    assert answer["Referrer-Policy"] == "strict-origin"
    assert "no-store" in answer["Cache-Control"]


def test_a_form_of_another_site_is_refused(unproved):
    services.verification_send(user=unproved)
    answer = browser().post("/account/verify", {"token": token_in(letters(unproved.email)[0])})
    assert answer.status_code == 403
    unproved.refresh_from_db()
    assert unproved.email_verified_at is None
