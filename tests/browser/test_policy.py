"""The Content-Security-Policy in a real browser: no page breaks it, and what breaks it does not run."""

from __future__ import annotations

import pytest

from tests.browser.test_console import host_of
from tests.fixtures import PASSWORD, OwnTenant

pytestmark = [pytest.mark.browser]

PAGES = (
    *("/admin/", "/admin/companies/company/", "/admin/predictions/prediction/"),
    *("/admin/predictions/scoringjob/", "/admin/predictions/scoringjob/add/"),
    *(
        "/admin/organizations/organization/",
        "/admin/accounts/membership/",
        "/admin/organizations/auditevent/",
    ),
    *("/api/docs/", "/api/redoc/", "/api/v1/predictions/annual"),
)
# Redoc asks for its maker's logo on another host: the policy is there to refuse it.
BLOCKED = "cdn.redoc.ly/redoc/logo-mini.svg"
COLLECT = """
window.violations = [];
document.addEventListener('securitypolicyviolation',
    event => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


def test_no_page_breaks_the_policy(own_tenant: OwnTenant, server, watched):
    host = host_of(own_tenant)
    watched.page.add_init_script(COLLECT)
    watched.sign_in(server.at(host), own_tenant.owner.email, PASSWORD)
    broken = {}
    for address in PAGES:
        answer = watched.page.goto(server.at(host, address), wait_until="networkidle")
        assert answer.status == 200, address
        found = watched.page.evaluate("window.violations")
        if found := [violation for violation in found if BLOCKED not in violation]:
            broken[address] = found
    assert broken == {}
    assert [fault for fault in watched.faults if BLOCKED not in fault] == []


def test_what_somebody_smuggles_into_a_page_does_not_run(own_tenant: OwnTenant, server, watched):
    host = host_of(own_tenant)
    watched.page.add_init_script(COLLECT)
    watched.sign_in(server.at(host), own_tenant.owner.email, PASSWORD)
    watched.page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.smuggled = true';
            document.body.append(script);
            const image = document.createElement('div');
            image.innerHTML = '<img src="x:" onerror="window.smuggled = true">';
            document.body.append(image);
        }"""
    )
    watched.page.wait_for_function("window.violations.length >= 2")
    assert watched.page.evaluate("window.smuggled") is None
