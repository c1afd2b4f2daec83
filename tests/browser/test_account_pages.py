"""The pages that letters lead to, in a real browser: what it sends along is taken for its own."""

from __future__ import annotations

import pytest

from tests.browser.test_console import host_of
from tests.fixtures import OwnTenant
from tests.letters import last_text, token_in

pytestmark = [pytest.mark.browser]


def test_a_forgotten_password_is_set_anew(own_tenant: OwnTenant, server, watched, django_db_blocker):
    email, host, page = own_tenant.owner.email, host_of(own_tenant), watched.page
    page.goto(server.at(host, "/account/forgot"))
    page.fill("input[name=email]", email)
    page.click("button[type=submit]")
    assert "a letter is on its way" in page.inner_text("main")
    with django_db_blocker.unblock():
        token = token_in(last_text(email))
    page.goto(server.at(host, f"/account/reset?token={token}"))
    page.fill("input[name=password]", "a phrase of my own 7")
    page.click("button[type=submit]")
    assert "The password is set." in page.inner_text("main")
    assert watched.faults == []
