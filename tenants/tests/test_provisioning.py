"""Schemas made from the image are those that the migrations make; migrating finds what is pending."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from organizations import services as organizations
from tenants import provisioning, services
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Conflict, Forbidden, InvalidInput
from tenants.kernel.request import SYSTEM
from tenants.models import Domain, SchemaImage, Tenant
from tests.fixtures import PASSWORD, OwnTenant, World

CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length
        FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), condeferrable
        FROM pg_constraint WHERE connamespace = %s::regnamespace ORDER BY 1, 2""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY 1, 2",
}


def catalogue(schema: str) -> dict[str, list[str]]:
    found = {}
    with in_public(), connection.cursor() as cursor:
        for name, query in CATALOGUE.items():
            cursor.execute(query, [schema])
            found[name] = [str(row).replace(schema, "SCHEMA") for row in cursor.fetchall()]
    return found


def test_a_replayed_schema_equals_a_migrated_one(own_tenant: OwnTenant):
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA plainly_migrated")
    try:
        assert provisioning.migrate_schema("plainly_migrated").error is None
        assert catalogue("plainly_migrated") == catalogue(own_tenant.ref.schema_name)
        assert len(catalogue(own_tenant.ref.schema_name)["constraints"]) > 30
    finally:
        provisioning.drop_schema("plainly_migrated")


def test_the_image_follows_the_migrations(people: World):
    before = provisioning.ensure_image()
    SchemaImage.objects.update(fingerprint="of older migrations")
    assert provisioning.ensure_image().count("CREATE TABLE") == before.count("CREATE TABLE")
    assert list(SchemaImage.objects.values_list("fingerprint", flat=True)) == [provisioning.fingerprint()]


def test_pending_is_found_per_schema_and_migrated(own_tenant: OwnTenant, capsys):
    assert provisioning.pending_schemas() == []
    schema = own_tenant.ref.schema_name
    with connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{schema}".django_migrations WHERE app = %s', ["sessions"])
    assert provisioning.pending_schemas() == [schema]
    call_command("migrate_tenants")
    assert f"[1/1] {schema}: migrated" in capsys.readouterr().out
    assert provisioning.pending_schemas() == []


def test_one_tenants_failure_does_not_stop_the_others(own_tenant: OwnTenant, capsys):
    schema = own_tenant.ref.schema_name
    with connection.cursor() as cursor:
        # Its table is there already: this migration cannot be applied again.
        cursor.execute(f'DELETE FROM "{schema}".django_migrations WHERE app = %s', ["own_models"])
    outcome = provisioning.migrate_schema(schema)
    assert outcome.error
    assert "already exists" in outcome.error
    with pytest.raises(Exception, match="1 of 1 tenants could not be migrated"):
        call_command("migrate_tenants")


def test_a_tenant_is_made_whole_or_not_at_all(people: World, monkeypatch):
    def fail(schema: str) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(provisioning, "create_schema", fail)
    with pytest.raises(RuntimeError):
        services.tenant_create(name="Halfway", actor=SYSTEM)
    assert not Tenant.objects.filter(name="Halfway").exists()
    assert not Domain.objects.filter(domain__startswith="halfway").exists()


def test_names_and_hosts_are_unique_and_decent(people: World):
    with pytest.raises(Conflict):
        services.tenant_create(name="ALPHA", actor=SYSTEM)
    with pytest.raises(Conflict):
        services.tenant_create(name="Gamma", domain="alpha.test", actor=SYSTEM)
    for host in ("localhost", "-bad", "with space", "a/b"):
        with pytest.raises(InvalidInput):
            services.tenant_create(name="Gamma", domain=host, actor=SYSTEM)
    with pytest.raises(InvalidInput):
        services.tenant_create(name=" ", actor=SYSTEM)
    first = services.tenant_create(name="Öst & Väst", actor=SYSTEM)
    second = services.tenant_create(name="Ost Vast", actor=SYSTEM)
    assert first.slug != second.slug


def test_the_reserved_tenants_are_protected(people: World):
    for name in ("reference", "personal"):
        tenant_id = people.tenants[name].id
        for change in (services.tenant_suspend, services.tenant_restore):
            with pytest.raises(Forbidden):
                change(tenant_id=tenant_id, reason="", actor=SYSTEM)
        with pytest.raises(Forbidden):
            services.tenant_delete(tenant_id=tenant_id, actor=SYSTEM)
    assert organizations.reserved_tenants_ensure() == []


def test_changes_are_checked_and_an_absent_tenant_is_absent(people: World):
    tenant_id = people.tenants["alpha"].id
    shared = {"tenant_id": tenant_id, "by_platform": True, "actor": SYSTEM}
    services.settings_update(changes={"high_from": "0.08"}, **shared)
    with in_public():
        assert str(Tenant.objects.get(id=tenant_id).high_from) == "0.08000"
    with pytest.raises(InvalidInput) as refused:
        services.settings_update(changes={"high_from": "0.9"}, **shared)
    assert "ascend" in str(refused.value.fields)
    with pytest.raises(InvalidInput):
        services.tenant_update(tenant_id=tenant_id, changes={"schema_name": "x"}, actor=SYSTEM)
    with pytest.raises(Absent):
        services.tenant_suspend(tenant_id=people.organizations["alpha", "one"], reason="", actor=SYSTEM)
    with pytest.raises(Conflict):
        services.tenant_restore(tenant_id=tenant_id, actor=SYSTEM)


def test_cutoffs_of_a_tenant_decide_its_categories(people: World, django_capture_on_commit_callbacks):
    from accounts.permissions import Role

    body = {"company_symbol": "CUT", "reporting_year": 2024, "return_on_assets": 1, "net_income_margin": 1}
    client = people.client(Role.OWNER)
    first = client.post("/api/v1/predictions/annual", body, format="json").json()
    assert first["risk_level"] == "LOW"
    cuts = {"medium_from": "0.00001", "high_from": "0.00002", "critical_from": "0.00003"}
    with django_capture_on_commit_callbacks(execute=True):
        services.settings_update(
            tenant_id=people.tenants["alpha"].id, changes=cuts, by_platform=True, actor=SYSTEM
        )
    second = client.post("/api/v1/predictions/annual", {**body, "reporting_year": 2023}, format="json").json()
    assert second["risk_level"] == "CRITICAL"


def test_commands(people: World, capsys, monkeypatch):
    call_command("create_tenant", "Gamma Bank", "--admin", "boss@gamma.test")
    out = capsys.readouterr().out
    assert "http://gamma-bank.localhost:" in out
    assert "boss@gamma.test signs in with" in out
    call_command("list_tenants")
    assert "Gamma Bank (gamma-bank): active, gamma-bank.localhost" in capsys.readouterr().out
    call_command("list_tenants", "--json")
    assert '"slug": "gamma-bank"' in capsys.readouterr().out
    call_command("suspend_tenant", "gamma-bank", "--reason", "unpaid")
    assert Tenant.objects.get(slug="gamma-bank").state == "suspended"
    call_command("suspend_tenant", "Gamma Bank", "--lift")
    assert Tenant.objects.get(slug="gamma-bank").state == "active"
    monkeypatch.setattr("builtins.input", lambda _: "Gamma")
    with pytest.raises(Exception, match="name is another"):
        call_command("delete_tenant", "gamma-bank")
    monkeypatch.setattr("builtins.input", lambda _: "Gamma Bank")
    call_command("delete_tenant", "gamma-bank")
    assert not Tenant.objects.filter(slug="gamma-bank").exists()
    with pytest.raises(Exception, match="There is no tenant"):
        call_command("suspend_tenant", "gamma-bank")
    call_command("create_platform_admin", "root2@platform.test", "--password", PASSWORD)
    with pytest.raises(Exception, match="in use already"):
        call_command("create_platform_admin", "ROOT2@platform.test", "--password", PASSWORD)
    with pytest.raises(Exception, match="already exists"):
        call_command("create_tenant", "alpha", "--admin", "x@y.test")
    call_command("rotate_signing_key")
    assert "signed with key" in capsys.readouterr().out
    from accounts import keys

    keys.forget()


def test_an_unverified_account_becomes_nobodys_admin(people: World):
    """Somebody registers the address of a future admin and waits: that must not pay."""
    organizations.individual_register(email="boss@delta.test", password=PASSWORD)
    with pytest.raises(Conflict) as refused:
        organizations.tenant_open(
            name="Delta", admin_email="BOSS@delta.test", admin_password=PASSWORD, actor=SYSTEM
        )
    assert refused.value.code == "unverified_account"
    assert not Tenant.objects.filter(name="Delta").exists()


def test_a_weak_password_is_named_before_a_schema_is_made(people: World, monkeypatch):
    monkeypatch.setattr(services, "tenant_create", lambda **_: pytest.fail("a schema for nothing"))
    with pytest.raises(InvalidInput) as refused:
        organizations.tenant_open(
            name="Echo", admin_email="boss@echo.test", admin_password="short", actor=SYSTEM
        )
    assert refused.value.fields["errors"][0]["pointer"] == "/admin_password"
