"""Every path and verb that clients were promised leads somewhere, on both kinds of hosts."""

from __future__ import annotations

import pytest
from django.urls import resolve

ID = "01990000-0000-7000-8000-000000000001"
PROMISED = """
POST auth/register auth/login auth/token auth/join auth/refresh auth/logout auth/switch-organization
POST auth/change-password auth/forgot-password auth/admin/create-user
GET auth/me users/me users/profile users/organization-members users users/ID
PUT users/me users/profile users/members/ID/role users/members/ID/activate
PUT users/ID/activate users/ID/deactivate
PATCH users/ID/profile users/ID/password users/ID/activate users/ID/deactivate
POST users/ID/activate users/ID/deactivate users/ID/suspend
DELETE users/ID
GET tenants tenants/ID tenants/ID/stats
POST tenants
PUT tenants/ID
DELETE tenants/ID
GET organizations organizations/ID organizations/ID/owner organizations/ID/users
GET organizations/ID/whitelist organizations/ID/members organizations/ID/admins
POST organizations organizations/ID/whitelist organizations/ID/members organizations/ID/admins
POST organizations/ID/suspend organizations/ID/archive organizations/ID/transfer-ownership
POST organizations/ID/regenerate-token
PUT organizations/ID
PATCH organizations/ID
DELETE organizations/ID organizations/ID/whitelist/a.b+c@d.example
DELETE organizations/ID/members/ID organizations/ID/admins/ID
"""
OPERATIONS = [(line.split()[0], path) for line in PROMISED.strip().splitlines() for path in line.split()[1:]]


@pytest.mark.parametrize("routes", ["config.urls_public", "config.urls_tenant"])
@pytest.mark.parametrize("prefix", ["/api/v1/", "/api/"])
def test_every_promised_path_and_verb_leads_somewhere(routes: str, prefix: str):
    missing = []
    for verb, path in OPERATIONS:
        for slash in ("", "/"):
            found = resolve(prefix + path.replace("ID", ID) + slash, routes)
            if verb.lower() not in getattr(found.func, "actions", {}):
                missing.append(f"{verb} {path}{slash}")
    assert missing == []
