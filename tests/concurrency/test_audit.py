"""Many writers of two logs at once: one chain each, without gap, and nobody waits in a circle."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from organizations.models import AuditEvent, AuditHead, AuditSeal
from tenants.kernel import audit
from tenants.kernel.audit.chain import verify
from tenants.kernel.context import in_public, in_tenant
from tenants.kernel.request import SYSTEM
from tests.concurrency.test_refresh import in_parallel
from tests.fixtures import OwnTenant

WRITERS, EACH = 8, 6


def test_writers_of_two_logs_never_break_or_block_a_chain(own_tenant: OwnTenant):
    with in_tenant(own_tenant.ref):
        before = AuditHead.objects.get().sequence

    def write(number):
        for turn in range(EACH):
            with transaction.atomic():
                # Half of them write in the tenant's log first, half in the platform's.
                for place in ("tenant", "public") if number % 2 else ("public", "tenant"):
                    with in_tenant(own_tenant.ref) if place == "tenant" else in_public():
                        audit.record("test.race.written", changes={"turn": turn}, actor=SYSTEM)

    in_parallel(WRITERS, write)
    with in_tenant(own_tenant.ref):
        report = verify()
        assert report.findings == ()
        assert report.sequence == before + WRITERS * EACH
        places = list(AuditSeal.objects.order_by("sequence").values_list("sequence", flat=True))
        assert places == list(range(1, report.sequence + 1))
    assert verify().findings == ()


def test_a_long_transaction_keeps_no_other_writer_waiting(own_tenant: OwnTenant):
    """The chain is locked when a transaction commits, not while it works."""
    with in_tenant(own_tenant.ref), transaction.atomic():
        audit.record("test.long.begun", actor=SYSTEM)

        def write(_):
            with in_tenant(own_tenant.ref), transaction.atomic():
                audit.record("test.short.done", actor=SYSTEM)
            return True

        assert in_parallel(2, write) == [True, True]
    with in_tenant(own_tenant.ref):
        assert verify().findings == ()


def test_a_rolled_back_row_leaves_no_gap(own_tenant: OwnTenant):
    with in_tenant(own_tenant.ref):
        for fails in (False, True, False):
            with transaction.atomic():
                audit.record("test.row.written", actor=SYSTEM)
                transaction.set_rollback(fails)
        assert verify().findings == ()


def test_the_rows_of_a_set_are_chained_one_by_one_and_with_those_around_them(own_tenant: OwnTenant):
    """What is chained together is in the chain as if each row had come for itself."""
    with in_tenant(own_tenant.ref):
        before = AuditHead.objects.get().sequence
        first = [(None, {"turn": n}) for n in range(1200)]
        with transaction.atomic():
            audit.record("test.set.begun", actor=SYSTEM)
            audit.record_all("test.set.written", first, actor=SYSTEM)
            with transaction.atomic():
                audit.record_all("test.set.undone", first[:10], actor=SYSTEM)
                transaction.set_rollback(True)
            audit.record("test.set.ended", actor=SYSTEM)
        report = verify()
        assert report.findings == ()
        assert report.sequence == before + 1202
        events = list(AuditEvent.objects.filter(action="test.set.written").order_by("id"))
        assert [event.changes["turn"] for event in events] == list(range(1200))


def test_a_row_whose_identifier_is_before_the_others_is_chained_too(own_tenant: OwnTenant):
    """Another process' clock may be behind: identifiers need not ascend within a transaction."""
    with in_tenant(own_tenant.ref):
        with transaction.atomic():
            audit.record("test.clock.ahead", actor=SYSTEM)
            late = AuditEvent(id=UUID(int=1), action="test.clock.behind", actor_label="system", via="process")
            late.save()
        assert verify().findings == ()
