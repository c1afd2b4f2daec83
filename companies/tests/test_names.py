"""Names that are alike have one key, whoever writes them."""

from __future__ import annotations

import pytest
from django.db import connection

from companies.models import Company
from organizations.models import Organization
from tests.factories import CompanyFactory
from tests.fixtures import World


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Apple Inc.", "apple"),
        ("APPLE, Incorporated", "apple"),
        ("The Bank of AG", "bank of"),
        ("A.B. Co., Ltd", "a b"),
        ("Ä Ö GmbH & Co. KG", "ä ö"),
        ("über-AG", "über"),
        ("AT&T INC.", "at t"),
        ("x_y Inc", "x y"),
        ("Incentive Company", "incentive"),
        ("S.p.A.", "s p a"),
        ("  SE ", ""),
        ("", ""),
        ("'; DROP TABLE companies_company; --", "drop table companies"),
    ],
)
def test_a_key_is_what_is_left_of_a_name(people: World, name: str, key: str):
    with people.within("alpha", "one"):
        company = CompanyFactory(organization=Organization.objects.get(), name=name)
        assert Company.objects.get(pk=company.pk).name_key == key
        Company.objects.filter(pk=company.pk).update(name=f"{name} Holding")
        assert Company.objects.get(pk=company.pk).name_key == key


def test_a_company_is_entered_in_no_index_that_another_begins_with(people: World):
    """Files bring companies by the hundred thousand, and each index is written for each of them."""
    with people.within("alpha", "one"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, indkey::text, indpred IS NULL FROM pg_index"
            " WHERE indrelid = 'companies_company'::regclass AND NOT indisunique"
        )
        whole = [(name, columns.split()) for name, columns, of_all in cursor.fetchall() if of_all]
    for name, columns in whole:
        covering = [other for other, more in whole if other != name and more[: len(columns)] == columns]
        assert not covering, f"{name} is the beginning of {covering}"
