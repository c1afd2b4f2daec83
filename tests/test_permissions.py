"""Who may do what: a table of every action of every route against every role, written out by hand.

It is not derived from ``accounts.permissions``: a change there must be wanted here as well.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.mfa.models import Passkey
from accounts.permissions import Role
from accounts.privacy.models import DataExport, ExportState
from accounts.sso.models import EmailDomain
from config.api import ROUTERS
from organizations.notices.models import Notice
from predictions.models import Prediction, ScoringJob
from tenants.kernel.viewsets import CRUD
from tenants.models import Domain, TenantExport
from tests.factories import ApiKeyFactory, CompanyFactory, CustomFieldFactory
from tests.fixtures import World, anonymous
from tests.test_isolation import ROW, plain_path

EVERYBODY = {"anonymous", *(r.value for r in Role)}
SIGNED_IN = EVERYBODY - {"anonymous"}
MEMBERS = SIGNED_IN
WRITERS = MEMBERS - {"viewer"}
PLATFORM = {"super_admin"}
RUNNERS = {"super_admin", "tenant_admin", "owner", "admin"}
TENANT = {"super_admin", "tenant_admin"}
OWNERS = TENANT | {"owner"}
ADMINS = OWNERS | {"admin"}

_PREDICTIONS = {
    "list": MEMBERS,
    "retrieve": MEMBERS,
    "scores": MEMBERS,
    "change": MEMBERS,
    "system": MEMBERS,
    "create": WRITERS,
    # Of a row that somebody else made: the analyst changes only what is his own.
    "update": WRITERS - {"analyst", "individual"},
    "destroy": WRITERS - {"analyst", "individual"},
    "bulk_upload_async": WRITERS,
}
_OWN_TENANT = {
    "configuration": TENANT,
    "change_settings": TENANT,
    "modules": TENANT,
    "switch_modules": TENANT,
    "branding": TENANT,
    "change_branding": TENANT,
    "logo": TENANT,
    "remove_logo": TENANT,
    "stats": TENANT,
    "usage": TENANT,
}
TABLE = {
    "tenants": {
        **dict.fromkeys(_OWN_TENANT, PLATFORM),
        "list": PLATFORM,
        "retrieve": PLATFORM,
        "create": PLATFORM,
        "update": PLATFORM,
        "partial_update": PLATFORM,
        "destroy": PLATFORM,
        "suspend": PLATFORM,
        "restore": PLATFORM,
        "suspensions": PLATFORM,
        "deletion": PLATFORM,
        "schedule_deletion": PLATFORM,
        "cancel_deletion": PLATFORM,
        "enter": PLATFORM,
    },
    "tenant-admin": {"assign_user_to_organization": TENANT, "create_tenant_with_admin": PLATFORM},
    "tenant-domains": {"list": PLATFORM, "create": PLATFORM, "destroy": PLATFORM, "primary": PLATFORM},
    "tenant-exports": {"list": TENANT, "retrieve": TENANT, "create": TENANT, "download": TENANT},
    "tenant": {"list": TENANT, "amend": TENANT, **_OWN_TENANT},
    "branding": {"list": EVERYBODY},
    "audit": {"list": RUNNERS, "export_csv": RUNNERS, "export_jsonl": RUNNERS},
    "platform/audit": {"list": PLATFORM, "export_csv": PLATFORM, "export_jsonl": PLATFORM},
    "platform": {"overview": PLATFORM, "configuration": PLATFORM, "change_settings": PLATFORM},
    "auth": {
        "login": EVERYBODY,
        "token": EVERYBODY,
        "refresh": EVERYBODY,
        "register": EVERYBODY,
        "logout": SIGNED_IN,
        "me": SIGNED_IN,
        # Without a body it is 400; into an organization of others 403, which is tested with log-in.
        "switch_organization": SIGNED_IN,
        # Without a token in the body it is 400, whoever asks.
        "join": SIGNED_IN,
        # Without a proof in the body it is refused for that, whoever asks.
        "prove": SIGNED_IN,
        # Without a passkey it is 409, whoever asks.
        "prove_options": SIGNED_IN,
        "verify_email": EVERYBODY,
        "disown_email": EVERYBODY,
        "forgot_password": EVERYBODY,
        "reset_password": EVERYBODY,
        "resend_verification": SIGNED_IN,
        "change_password": SIGNED_IN,
        "create_user": RUNNERS,
    },
    "auth/mfa": {
        "list": SIGNED_IN,
        "verify": EVERYBODY,
        "verify_options": EVERYBODY,
        # The clients of this test hold a fresh proof; without one it is 403 for everybody.
        "begin_totp": SIGNED_IN,
        "confirm_totp": SIGNED_IN,
        "remove_totp": SIGNED_IN,
        "renew_codes": SIGNED_IN,
        "reset": TENANT,
    },
    "auth/mfa/passkeys": {
        "list": SIGNED_IN,
        "begin": SIGNED_IN,
        # Without what a key has said it is 400; a foreign key is 404.
        "create": SIGNED_IN,
        "partial_update": SIGNED_IN,
        "destroy": SIGNED_IN,
    },
    "auth/sso": {
        "list": EVERYBODY,
        "start": EVERYBODY,
        "callback": EVERYBODY,
        "exchange": EVERYBODY,
    },
    "sso": {"show": TENANT, "configure": TENANT, "remove": TENANT},
    "sso/domains": {"list": TENANT, "create": TENANT, "destroy": TENANT, "confirm": PLATFORM},
    "api-keys": {
        "list": SIGNED_IN,
        "retrieve": SIGNED_IN,
        "create": SIGNED_IN,
        "destroy": SIGNED_IN,
        "rotate": SIGNED_IN,
    },
    "users": {
        "me": SIGNED_IN,
        "organization_members": ADMINS,
        "member_role": ADMINS,
        "member_activate": ADMINS,
        "change_me": SIGNED_IN,
        "profile": SIGNED_IN,
        "change_profile": SIGNED_IN,
        # Of oneself; any other id is 404.
        "change_own_profile": SIGNED_IN,
        "change_own_password": SIGNED_IN,
        "change_email": SIGNED_IN,
        "my_avatar": SIGNED_IN,
        "set_avatar": SIGNED_IN,
        "remove_avatar": SIGNED_IN,
        "list": RUNNERS,
        "retrieve": RUNNERS,
        "avatar": RUNNERS,
        "status_history": RUNNERS,
        "destroy": RUNNERS,
        "activate": RUNNERS,
        "deactivate": RUNNERS,
        "suspend": RUNNERS,
        "lift": RUNNERS,
        "sign_out": RUNNERS,
        "resend_verification": RUNNERS,
    },
    # An account's own sessions and data; nobody else's are found.
    "users/me/sessions": {
        "list": SIGNED_IN,
        "destroy": SIGNED_IN,
        "end_others": SIGNED_IN,
        "end_all": SIGNED_IN,
    },
    "users/me/data": {"list": SIGNED_IN, "create": SIGNED_IN, "download": SIGNED_IN, "close": SIGNED_IN},
    "organizations": {
        "list": MEMBERS,
        "retrieve": MEMBERS,
        # An individual founds a small institution of his own.
        "create": TENANT | {"individual"},
        "update": ADMINS,
        "partial_update": ADMINS,
        "destroy": TENANT,
        "suspend": TENANT,
        "lift": TENANT,
        "archive": TENANT,
        "restore": TENANT,
        "history": ADMINS,
        "owner": MEMBERS,
        "offer_ownership": OWNERS,
        "ownership_on_offer": MEMBERS,
        "cancel_offer": OWNERS,
        # Nothing is on offer here: 409 for everybody. To whom it is offered is tested with ownership.
        "accept_ownership": MEMBERS,
        "decline_ownership": MEMBERS,
        "job_titles": MEMBERS,
        "users": ADMINS,
        "members": ADMINS,
        "add_member": ADMINS,
        "remove_member": ADMINS,
        "leave": MEMBERS,
        "admins": ADMINS,
        "grant_admin": OWNERS,
        "revoke_admin": OWNERS,
        "whitelist": ADMINS,
        "whitelist_add": ADMINS,
        "whitelist_remove": ADMINS,
        "whitelist_import": ADMINS,
        "invitations": ADMINS,
        "invite": ADMINS,
        "links": ADMINS,
        "link_create": ADMINS,
        "regenerate_token": ADMINS,
        "code_rotate": ADMINS,
        "code_remove": ADMINS,
        "import_users": ADMINS,
    },
    "join-links": dict.fromkeys(("list", "retrieve", "partial_update", "destroy", "rotate", "stats"), ADMINS),
    "invitations": dict.fromkeys(("list", "retrieve", "destroy", "resend", "revoke"), ADMINS),
    "joining": {"preview": EVERYBODY, "accept": EVERYBODY},
    "companies": {
        **dict.fromkeys(
            ("list", "retrieve", "ratings", "duplicates", "merges", "of_platform", "recent"), MEMBERS
        ),
        **dict.fromkeys(("create", "track", "default", "revive", "rate", "deleted"), WRITERS),
        # Of a row that somebody else made.
        **dict.fromkeys(
            ("update", "partial_update", "destroy", "merge", "undo_merge", "untrack", "refresh"), RUNNERS
        ),
        "restore": RUNNERS,
        "tags": WRITERS,
        "purge": RUNNERS,
    },
    "custom-fields": {
        **dict.fromkeys(("list", "retrieve"), MEMBERS),
        **dict.fromkeys(("create", "partial_update", "archive", "unarchive"), TENANT),
    },
    "flags": {
        **dict.fromkeys(("list", "retrieve", "rule"), MEMBERS),
        "acknowledge": WRITERS,
        "change_rule": TENANT,
    },
    "watchlists": {
        **dict.fromkeys(("list", "retrieve", "companies"), MEMBERS),
        "create": WRITERS,
        # Of a list that somebody else shares.
        **dict.fromkeys(("partial_update", "destroy", "add", "remove"), RUNNERS),
    },
    "notes": {
        **dict.fromkeys(("list", "retrieve"), MEMBERS),
        "create": WRITERS,
        # Of somebody else's note.
        "partial_update": set(),
        "destroy": RUNNERS,
    },
    "sectors": dict.fromkeys(("list", "classify"), MEMBERS),
    "statements": {
        "list": MEMBERS,
        "retrieve": MEMBERS,
        "create": WRITERS,
        "restate": WRITERS - {"analyst", "individual"},
        "destroy": WRITERS - {"analyst", "individual"},
        "versions": MEMBERS,
        "ratios": MEMBERS,
        "ratio_history": MEMBERS,
        "checks": MEMBERS,
    },
    "predictions/companies": {"pd_history": MEMBERS},
    "predictions/rescoring": {
        "list": MEMBERS,
        "retrieve": MEMBERS,
        "create": WRITERS,
        "resume": WRITERS - {"analyst", "individual"},
    },
    "fx-rates": {"list": MEMBERS, "create": PLATFORM},
    "predictions/annual": _PREDICTIONS,
    "predictions/quarterly": _PREDICTIONS,
    "models": {
        # Everybody the champion; the other versions do not exist for whoever does not run the platform.
        "list": MEMBERS,
        "retrieve": MEMBERS,
        "card": MEMBERS,
        "validation": MEMBERS,
        "validation_pdf": MEMBERS,
        "partial_update": PLATFORM,
        "history": PLATFORM,
        "promote": PLATFORM,
        "approve": PLATFORM,
        "reject": PLATFORM,
        "rollback": PLATFORM,
        "challenge": PLATFORM,
        "retire": PLATFORM,
        "comparison": PLATFORM,
        "ask_validation": PLATFORM,
    },
    "predictions/jobs": {
        "list": MEMBERS,
        "retrieve": MEMBERS,
        "progress": MEMBERS,
        "results": MEMBERS,
        "whole_results": MEMBERS,
        "results_csv": MEMBERS,
        "errors": MEMBERS,
        "error_sheet": MEMBERS,
        "report": MEMBERS,
        "report_xlsx": MEMBERS,
        "report_pdf": MEMBERS,
        "create": WRITERS,
        "cancel": WRITERS - {"analyst", "individual"},
        **dict.fromkeys(("prioritise", "resume", "retry", "undo"), WRITERS - {"analyst", "individual"}),
        "destroy": WRITERS - {"analyst", "individual"},
    },
}
TABLE |= {
    "monitoring/outcomes": {
        "list": MEMBERS,
        "retrieve": MEMBERS,
        "create": WRITERS,
        "upload": WRITERS,
        "destroy": WRITERS - {"analyst", "individual"},
    },
    "monitoring/observations": {"list": MEMBERS, "retrieve": MEMBERS},
    "monitoring/alerts": {"list": MEMBERS, "retrieve": MEMBERS, "acknowledge": WRITERS},
    "monitoring": {"overview": MEMBERS, "performance": MEMBERS, "refresh": WRITERS},
}
# What an import changes is the importer's: of somebody else's the analyst starts, mends and undoes nothing.
_CHANGE = WRITERS - {"analyst", "individual"}
TABLE["imports"] = {
    **dict.fromkeys(("list", "retrieve", "targets", "template", "preview", "issues", "effects"), MEMBERS),
    "faulty_rows": MEMBERS,
    "create": WRITERS,
    **dict.fromkeys(("partial_update", "destroy", "check", "start", "cancel", "undo"), _CHANGE),
}
# A file belongs to whoever asked for it: the row of the test is nobody's.
TABLE["exports"] = {
    **dict.fromkeys(("list", "retrieve", "create", "lists", "now", "company"), MEMBERS),
    "destroy": set(),
    "file": set(),
}
TABLE["predictions/dry-runs"] = {
    **dict.fromkeys(("list", "retrieve", "findings_csv"), MEMBERS),
    **dict.fromkeys(("create", "proceed"), WRITERS),
    "destroy": WRITERS - {"analyst", "individual"},
}
TABLE["imports/mappings"] = {"list": MEMBERS, "retrieve": MEMBERS, "destroy": _CHANGE}
# Individuals have no own models.
FIRM = MEMBERS - {"individual"}
# One's own; whose others exist is tested with them.
TABLE["notices"] = dict.fromkeys(
    ("list", "retrieve", "destroy", "mark", "unread", "read_all", "preferences", "change_preferences"),
    MEMBERS,
)
TABLE["connectors"] = {
    "list": FIRM,
    "retrieve": FIRM,
    "kinds": FIRM,
    **dict.fromkeys(("create", "partial_update", "destroy", "run", "close_circuit"), ADMINS),
}
TABLE["connectors/runs"] = {"list": FIRM, "retrieve": FIRM}
TABLE["own-models"] = {
    "list": FIRM,
    "retrieve": FIRM,
    "create": FIRM - {"viewer"},
    "destroy": FIRM - {"viewer", "analyst"},
    "report": FIRM,
    "score": FIRM,
    "score_file": FIRM,
    "compare": FIRM - {"viewer", "analyst"},
    "comparison": FIRM,
}
TABLE |= {
    "comparison": dict.fromkeys(
        ("benchmark", "companies", "sectors", "ranking", "migration", "distribution"), MEMBERS
    ),
    "dashboards": {
        "mine": MEMBERS,
        "platform": PLATFORM,
        "tenant": TENANT,
        "organization": ADMINS,
        "analyst": MEMBERS,
        "personal": MEMBERS,
    },
    "predictions": {"dashboard": MEMBERS},
}
_OTHERS_ROWS = WRITERS - {"analyst", "individual"}
TABLE |= {
    "scenarios": {
        "list": MEMBERS,
        "retrieve": MEMBERS,
        "shipped": MEMBERS,
        "shocks": MEMBERS,
        "create": WRITERS,
        "partial_update": _OTHERS_ROWS,
        "destroy": _OTHERS_ROWS,
        "apply": WRITERS,
        "reach": WRITERS,
    },
    "scenario-runs": {
        "list": MEMBERS,
        "retrieve": MEMBERS,
        "results": MEMBERS,
        "create": WRITERS,
        "destroy": _OTHERS_ROWS,
    },
}
TABLE["schedules"] = {
    "list": FIRM,
    "retrieve": FIRM,
    "runs": FIRM,
    "create": FIRM - {"viewer"},
    # Of what a colleague has saved.
    **dict.fromkeys(("partial_update", "destroy", "pause", "resume", "run"), FIRM - {"viewer", "analyst"}),
}
STANDARD = {
    "list": ("get", False),
    "create": ("post", False),
    "retrieve": ("get", True),
    "update": ("put", True),
    "partial_update": ("patch", True),
    "destroy": ("delete", True),
    "amend": ("patch", False),
}


def actions_of(viewset):
    """Every action with its method, whether it is about a row, and the end of its address."""
    for name in CRUD:
        if hasattr(viewset, name):
            yield name, *STANDARD[name], ""
    for extra in viewset.get_extra_actions():
        for method, name in extra.mapping.items():
            yield name, method, extra.detail, "/" + plain_path(extra.url_path)


ROUTES = {prefix: viewset for router in ROUTERS for prefix, viewset, _ in router.registry}
CASES = [
    pytest.param(prefix, action, role, id=f"{prefix} {action} {role}")
    for prefix, viewset in ROUTES.items()
    for action, *_ in actions_of(viewset)
    for role in sorted(EVERYBODY)
]


def test_every_action_stands_in_the_table_and_none_is_stale():
    assert {p: {a for a, *_ in actions_of(v)} for p, v in ROUTES.items()} == {
        p: set(actions) for p, actions in TABLE.items()
    }


@pytest.mark.parametrize(("prefix", "action", "role"), CASES)
def test_permission_table(people: World, prefix, action, role):
    _, method, detail, ending = next(a for a in actions_of(ROUTES[prefix]) if a[0] == action)
    client = anonymous() if role == "anonymous" else people.client(role)
    address = f"/api/v1/{prefix}"
    if detail:
        own = _account_row(people, prefix, action, role, client)
        address += f"/{own or _row_for(people, prefix, role)}"
    parts = {"user_id": people.user(Role.VIEWER).id, "email": "listed@firm.test"}
    answer = getattr(client, method)(address + ending.format(**parts), {}, format="json")
    allowed = role in TABLE[prefix][action]
    if not allowed:
        assert answer.status_code == (401 if role == "anonymous" else 403), answer.content
        return
    assert answer.status_code < 500
    if TABLE[prefix][action] == EVERYBODY:
        return
    # The row is one that the role reaches, so 404 would mean that the rule has lost it.
    assert answer.status_code not in {401, 403, 404}, answer.content


def _account_row(people: World, prefix: str, action: str, role: str, client):
    """For what is about accounts: oneself, one's own session or export, else a colleague. And rows in a state
    that an action is about."""
    place = "personal" if role == Role.INDIVIDUAL else "alpha"
    if prefix == "companies" and action in {"restore", "purge"}:
        with people.within(place, "one"):
            owner = people.organizations[place, "one"]
            return CompanyFactory(organization_id=owner, deleted_at=timezone.now()).pk
    if prefix == "custom-fields":
        with people.within(place, "one"):
            return CustomFieldFactory().pk
    if prefix == "users":
        mine = action.startswith("change_own") and role != "anonymous"
        return people.user(role if mine else Role.ANALYST).id
    if prefix == "users/me/sessions":
        return client.session_row.id if role != "anonymous" else people.user(Role.ANALYST).id
    if prefix == "auth/mfa/passkeys":
        # Everybody has his own; foreign ones are tested with them.
        holder = people.user(Role.ANALYST if role == "anonymous" else role)
        return Passkey.objects.create(user=holder, name="Key", host="alpha.test", credential_id="AA").pk
    if prefix == "users/me/data":
        path = default_storage.save("public/exports/test.zip", ContentFile(b"PK"))
        return DataExport.objects.create(
            user=people.user(Role.ANALYST if role == "anonymous" else role),
            state=ExportState.READY,
            path=path,
            expires_at=timezone.now() + timedelta(days=1),
        ).pk
    return None


def _row_for(people: World, prefix: str, role: str):
    """A row that the role can see (so that a refusal is one of permission), made by somebody else."""
    alpha = people.tenants["alpha"].id
    if prefix == "tenants":
        return alpha
    if prefix == "models":
        return "champion"
    if prefix == "tenant-domains":
        return Domain.objects.get(tenant_id=alpha).pk
    if prefix == "tenant-exports":
        return TenantExport.objects.create(tenant_id=alpha, state="ready", expires_at=timezone.now()).pk
    tenant = "personal" if role == Role.INDIVIDUAL else "alpha"
    if prefix == "sso/domains":
        return EmailDomain.objects.create(tenant_id=people.tenants["alpha"].id, domain="alpha.test").pk
    if prefix == "api-keys":
        # Everybody has his own keys; whose others he sees is tested with them.
        return ApiKeyFactory(
            user=people.user(Role.OWNER if role == "anonymous" else role),
            tenant_id=people.tenants[tenant].id,
            organization_id=people.organizations[tenant, "one"],
        ).pk
    with people.within(tenant, "one"):
        if prefix == "notices":
            return Notice.objects.filter(user_id=people.user(Role.OWNER if role == "anonymous" else role).pk)[
                0
            ].pk
        return ROW[prefix]().pk


def test_an_analyst_changes_what_is_his_own(people: World):
    analyst = people.user(Role.ANALYST)
    with people.within("alpha", "one"):
        row = Prediction.objects.filter(kind="annual").first()
        Prediction.objects.filter(pk=row.pk).update(created_by_id=analyst.id)
        job = ScoringJob.objects.first()
        ScoringJob.objects.filter(pk=job.pk).update(created_by_id=analyst.id)
    client = people.client(Role.ANALYST)
    assert client.delete(f"/api/v1/predictions/annual/{row.pk}").status_code == 204
    assert client.delete(f"/api/v1/predictions/jobs/{job.pk}").status_code == 204


def test_a_refusal_of_a_strangers_row_says_why(people: World):
    with people.within("alpha", "one"):
        row = Prediction.objects.filter(kind="annual").first()
    answer = people.client(Role.ANALYST).delete(f"/api/v1/predictions/annual/{row.pk}")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_yours")
