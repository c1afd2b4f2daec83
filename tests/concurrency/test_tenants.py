"""Races over institutions, with a connection for each side."""

from __future__ import annotations

from django.db import IntegrityError
from django.utils import timezone

from tenants import services
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.request import SYSTEM
from tenants.models import PlatformAuditEvent, Tenant, TenantDeletion, TenantExport
from tenants.models.lifecycle import ExportState
from tenants.services import exports
from tests.concurrency.test_refresh import in_parallel
from tests.fixtures import OwnTenant
from tests.worker import wait_until


def test_of_two_creations_of_one_slug_one_wins(own_tenant: OwnTenant):
    slug = f"race-{own_tenant.mark}"

    def create(number: int) -> str:
        try:
            services.tenant_create(name=f"Race {own_tenant.mark} {number}", slug=slug, actor=SYSTEM)
        except (Conflict, IntegrityError):
            return "refused"
        return "made"

    try:
        assert sorted(in_parallel(3, create)) == ["made", "refused", "refused"]
        assert Tenant.objects.filter(slug=slug).count() == 1
    finally:
        services.tenant_delete(tenant_id=Tenant.objects.get(slug=slug).id, actor=SYSTEM)


def test_of_two_removals_of_the_last_two_hosts_one_is_refused(own_tenant: OwnTenant):
    tenant = Tenant.objects.get(id=own_tenant.ref.id)
    services.domain_add(tenant=tenant, domain=f"second.{own_tenant.mark}.test", actor=SYSTEM)
    keys = list(tenant.domains.values_list("pk", flat=True))

    def remove(number: int) -> str:
        try:
            services.domain_remove(domain_id=keys[number], actor=SYSTEM)
        except Conflict as refusal:
            return refusal.code
        return "removed"

    assert sorted(in_parallel(2, remove)) == ["last_domain", "removed"]
    assert tenant.domains.filter(is_primary=True).count() == 1


def test_a_deletion_is_either_called_off_or_carried_out(own_tenant: OwnTenant):
    key = own_tenant.ref.id
    order = services.deletion_schedule(tenant_id=key, slug=own_tenant.ref.slug, reason="x", actor=SYSTEM)
    exports.export_run(export_id=TenantExport.objects.get(tenant_id=key).id)
    TenantDeletion.objects.filter(id=order.id).update(due_at=timezone.now())

    def decide(number: int) -> str:
        try:
            if number:
                services.deletion_cancel(tenant_id=key, actor=SYSTEM)
                return "kept"
            return "gone" if services.deletion_execute(deletion_id=order.id) else "left alone"
        except (Absent, Conflict):
            return "too late"

    outcomes = in_parallel(2, decide)
    exists = Tenant.objects.filter(id=key).exists()
    assert outcomes in (["gone", "too late"], ["left alone", "kept"], ["too late", "kept"])
    assert exists == (outcomes[1] == "kept")
    if exists:
        assert Tenant.objects.get(id=key).state == "active"


def test_of_many_requests_for_an_export_one_is_taken(own_tenant: OwnTenant):
    def ask(_: int) -> str:
        try:
            services.export_request(tenant_id=own_tenant.ref.id, actor=SYSTEM)
        except Conflict as refusal:
            return refusal.code
        return "taken"

    assert sorted(in_parallel(3, ask)) == ["export_running", "export_running", "taken"]


def test_an_archive_is_made_once_by_two_workers(own_tenant: OwnTenant):
    asked = services.export_request(tenant_id=own_tenant.ref.id, actor=SYSTEM)
    made = in_parallel(2, lambda _: exports.export_run(export_id=asked.id))
    wait_until(lambda: TenantExport.objects.get(id=asked.id).state == ExportState.READY, "the archive")
    # Whoever it was: a worker of another test may have been there before both.
    events = PlatformAuditEvent.objects.filter(action="tenants.export.made", object_id=str(asked.id))
    assert events.count() == 1
    assert [export is not None for export in made].count(True) <= 1
