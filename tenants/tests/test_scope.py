"""The inner wall: no scope, no rows; a scope, its rows; nothing leaves it."""

from __future__ import annotations

import pytest

from companies.lists.models import Note
from companies.models import Company
from organizations.models import Organization
from tenants.kernel import scope
from tenants.kernel.context import current_tenant, in_tenant
from tenants.kernel.copying import copy_rows, remove_rows, update_rows
from tenants.kernel.errors import OutOfScope, ScopeMissing
from tenants.kernel.streams import stream_in_scope
from tests.factories import CompanyFactory, NoteFactory
from tests.fixtures import World


def test_without_a_scope_there_is_no_query(people: World):
    with in_tenant(people.tenants["alpha"]):
        for manager in (Company.objects, Company._base_manager, Organization.objects):
            with pytest.raises(ScopeMissing):
                manager.all()


def test_none_never_means_all():
    with pytest.raises(ScopeMissing), scope.organizations([None], reason="wrong"):
        pass


def test_an_empty_scope_sees_nothing(people: World):
    with in_tenant(people.tenants["alpha"]), scope.organizations([], reason="nobody"):
        assert not Company.objects.exists()
        assert not Organization.objects.exists()


def test_a_scope_sees_its_rows_only(people: World):
    with people.within("alpha", "one"):
        mine = set(Company.objects.values_list("organization_id", flat=True))
    assert mine == {people.organizations["alpha", "one"]}
    with people.within("alpha"):
        assert Company.objects.values("organization_id").distinct().count() == 2


@pytest.mark.parametrize(
    "use",
    [
        list,
        len,
        lambda q: q.count(),
        lambda q: q.exists(),
        lambda q: q.update(name="x"),
        lambda q: q.delete(),
    ],
)
def test_a_queryset_stays_in_its_tenant_and_scope(people: World, use):
    with people.within("alpha", "one"):
        rows = Company.objects.filter(name="nothing is called so")
    with people.within("beta", "one"), pytest.raises(OutOfScope, match="built in"):
        use(rows.all())
    with people.within("alpha", "two"), pytest.raises(OutOfScope, match="scope"):
        use(rows.all())
    with people.within("alpha"):
        use(rows.all())


def test_a_row_stays_in_its_tenant(people: World):
    with people.within("alpha", "one"):
        company = Company.objects.first()
    with people.within("beta"), pytest.raises(OutOfScope, match="loaded in"):
        company.save()
    with people.within("beta"), pytest.raises(OutOfScope, match="loaded in"):
        company.delete()


def test_nothing_is_written_beyond_the_scope(people: World):
    other = people.organizations["alpha", "two"]
    with people.within("alpha", "one"):
        with pytest.raises(OutOfScope):
            Company(organization_id=other, symbol="X").save()
        with pytest.raises(OutOfScope):
            Company.objects.bulk_create([Company(organization_id=other, symbol="X")])
        with pytest.raises(OutOfScope):
            Company.objects.update(organization_id=other)
        with pytest.raises(OutOfScope):
            copy_rows(Company, organization_id=other, fields=("id",), rows=[])
        with pytest.raises(OutOfScope):
            update_rows(Company, organization_id=other, fields=("name",), rows=[])
        with pytest.raises(OutOfScope):
            remove_rows(Company, organization_id=other, ids=[])
        with pytest.raises(OutOfScope):
            Organization(name="New", slug="new").save()


def test_a_bulk_update_leaves_rows_of_others_alone(people: World):
    with people.within("alpha", "two"):
        foreign = Company.objects.first()
    with people.within("alpha", "one"):
        mine = Company.objects.first()
        rows = [(mine.id, "mine"), (foreign.id, "stolen")]
        count = update_rows(Company, organization_id=mine.organization_id, fields=("name",), rows=rows)
    assert count == 1
    with people.within("alpha"):
        assert Company.objects.get(id=foreign.id).name == foreign.name


def test_rows_are_removed_with_what_hangs_on_them_and_those_of_others_stay(people: World):
    with people.within("alpha"):
        own, other = (
            Organization.objects.get(id=people.organizations["alpha", name]) for name in ("one", "two")
        )
        noted, bare, kept = CompanyFactory.create_batch(3, organization=own)
        foreign = CompanyFactory.create_batch(2, organization=other)
        notes = [
            NoteFactory(organization=company.organization, company=company)
            for company in (noted, kept, foreign[0])
        ]
        given = [noted, bare, *foreign]
        remove_rows(Company, organization_id=own.id, ids=[company.id for company in given])
        left = Company.all_objects.filter(id__in=[company.id for company in (*given, kept)])
        assert set(left) == {kept, *foreign}
        assert set(Note.objects.filter(id__in=[note.id for note in notes])) == set(notes[1:])


def test_a_bulk_update_takes_values_as_they_are(people: World):
    with people.within("alpha", "one"):
        own = Organization.objects.get()
        names = ['a "quoted" name', "back\\slash, {comma}", "NULL", "", "Ümläut"]
        companies = CompanyFactory.create_batch(len(names), organization=own)
        rows = [(company.id, name, None) for company, name in zip(companies, names, strict=True)]
        update_rows(Company, organization_id=own.id, fields=("name", "created_by_id"), rows=rows)
        for company in companies:
            company.refresh_from_db()
    assert [company.name for company in companies] == names
    assert {company.created_by_id for company in companies} == {None}


def test_doors_lead_back(people: World):
    with people.within("alpha"):
        with people.within("beta"):
            assert current_tenant().slug == "beta"
        assert current_tenant().slug == "alpha"
        with pytest.raises(ZeroDivisionError), people.within("beta"):
            raise ZeroDivisionError
        assert current_tenant().slug == "alpha"
    with pytest.raises(OutOfScope):
        current_tenant()


def test_a_stream_enters_its_scope_for_every_piece(people: World):
    with people.within("alpha", "one"):
        pieces = stream_in_scope(
            str(c.organization_id).encode() for c in Company.objects.iterator(chunk_size=1)
        )
    assert set(pieces) == {str(people.organizations["alpha", "one"]).encode()}


def test_relations_are_guarded_too(people: World):
    with people.within("alpha", "two"):
        company = CompanyFactory(organization=Organization.objects.get())
    with people.within("alpha", "one"), pytest.raises(Company.DoesNotExist):
        company.refresh_from_db()
