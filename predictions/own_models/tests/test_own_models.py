"""Own models over HTTP: from a labelled file to PDs, and what is refused."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.permissions import Role
from ml.tests.test_own import table
from organizations.models import AuditEvent, Organization
from predictions.own_models import files, services
from predictions.own_models.models import OwnModel, OwnScore
from tenants.kernel.request import SYSTEM
from tests import factories
from tests.console import console
from tests.fixtures import World
from tests.worker import wait_until

LIST = "/api/v1/own-models"


def labelled(rows: int = 600, **columns: str) -> SimpleUploadedFile:
    """A labelled file whose columns carry the names of a portfolio file's ratios."""
    frame = table(rows).rename(
        columns={"leverage": "long_term_debt_to_total_capital", "margin": "return_on_assets"} | columns
    )
    return SimpleUploadedFile("outcomes.csv", frame.to_csv(index=False).encode())


def create(client, upload=None, **given):
    body = {"file": upload or labelled(), "name": "House", "target": "bad", "date": "year", **given}
    return client.post(LIST, body, format="multipart")


@pytest.fixture
def trained(people: World, request):
    """A trained model of alpha's first organization; its files go with the test."""
    answer = create(people.client(Role.ANALYST), entity="company")
    assert answer.status_code == 202, answer.content
    identifier = answer.json()["id"]
    with people.within("alpha", "one"):
        services.own_model_train(model_id=identifier, actor=SYSTEM)
        yield identifier
        services.remove_folder(files.folder(identifier))


def test_it_is_trained_and_its_report_says_how_good_it_is(people: World, trained):
    client = people.client(Role.VIEWER)
    row = client.get(f"{LIST}/{trained}").json()
    assert (row["state"], row["protocol"]) == ("ready", "out_of_time")
    report = client.get(f"{LIST}/{trained}/report").json()
    assert report["figures"]["ensemble"]["auc"] == row["auc"] > 0.7
    assert report["sample"]["rows"] == 600
    assert [a.action for a in AuditEvent.objects.filter(object_id=trained).order_by("id")] == [
        "own_models.model.created", "own_models.model.ready",
    ]  # fmt: skip


def test_rows_are_scored_in_the_order_of_the_request(people: World, trained):
    rows = [{"long_term_debt_to_total_capital": 0.95}, {"long_term_debt_to_total_capital": 0.05}]
    answer = people.client(Role.VIEWER).post(f"{LIST}/{trained}/score", {"rows": rows}, format="json")
    worse, better = answer.json()
    assert worse["probability"] > better["probability"]
    assert better["probability_low"] < better["probability"] < better["probability_high"]


def test_a_file_is_scored_with_its_row_numbers(people: World, trained):
    upload = SimpleUploadedFile("names.csv", b"return_on_assets;noise\n\n5;1\n-20;x\n")
    answer = people.client(Role.ANALYST).post(
        f"{LIST}/{trained}/score-file", {"file": upload}, format="multipart"
    )
    assert answer.status_code == 200, answer.content
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["row"] for row in rows] == ["3", "4"]
    assert float(rows[1]["pd"]) > float(rows[0]["pd"])


def test_unknown_columns_are_no_score(people: World, trained):
    answer = people.client(Role.VIEWER).post(f"{LIST}/{trained}/score", {"rows": [{"x": 1}]}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "no_known_columns")


def test_it_is_compared_with_the_champion_on_the_organizations_own_predictions(people: World, trained):
    client = people.client(Role.OWNER)
    assert client.get(f"{LIST}/{trained}/comparison").json()["code"] == "not_compared"
    assert client.post(f"{LIST}/{trained}/compare").status_code == 202
    with people.within("alpha"):
        two = Organization.objects.get(id=people.organizations["alpha", "two"])
        other = factories.PredictionFactory(organization=two)
    with people.within("alpha", "one"):
        assert services.own_model_compare(model_id=trained) == 2
        assert not OwnScore.objects.filter(prediction_id=other.id).exists()
    body = client.get(f"{LIST}/{trained}/comparison").json()
    assert body["predictions"] == 2
    assert body["champion_mean_pd"] == pytest.approx(0.0212)
    assert sum(sum(row.values()) for row in body["categories"].values()) == 2
    assert len(body["farthest"]) == 2


def test_a_model_of_other_names_cannot_be_compared(people: World):
    with people.within("alpha", "one"):
        model = OwnModel.objects.first()
        OwnModel.objects.filter(id=model.id).update(state="ready", columns=["appetite"])
    answer = people.client(Role.OWNER).post(f"{LIST}/{model.id}/compare")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_comparable")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"target": "nothing"}, "no_such_column"),
        ({"date": "bad"}, "same_column"),
        ({"file": SimpleUploadedFile("a.csv", b"bad,x\n0,1\n0,2\n")}, "one_class"),
        ({"file": SimpleUploadedFile("a.pdf", b"%PDF-1.4 bad")}, "unsupported_format"),
    ],
)
def test_a_file_that_bears_no_model_is_refused_at_once(people: World, given, code):
    given = {"date": "", **given} if "file" in given else given
    answer = create(people.client(Role.ANALYST), **given)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    with people.within("alpha", "one"):
        assert not OwnModel.objects.filter(name="House").exists()


def test_a_name_is_given_once(people: World, trained):
    answer = create(people.client(Role.ANALYST))
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")


def test_damaged_files_are_not_scored_with(people: World, trained):
    place = f"{files.folder(trained)}/model/calibration.json"
    default_storage.delete(place)
    with default_storage.open(place, "w") as file:
        file.write("{}")
    files._load.cache_clear()
    answer = people.client(Role.VIEWER).post(
        f"{LIST}/{trained}/score", {"rows": [{"noise": 1}]}, format="json"
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "model_damaged")


def test_deleting_leaves_no_file(people: World, trained, django_capture_on_commit_callbacks):
    place = files.folder(trained)
    assert default_storage.exists(place)
    with django_capture_on_commit_callbacks(execute=True):
        assert people.client(Role.OWNER).delete(f"{LIST}/{trained}").status_code == 204
    assert not default_storage.exists(place)


@pytest.mark.worker
def test_the_training_runs_in_the_background(own_tenant, worker):
    answer = create(own_tenant.client)
    assert answer.status_code == 202, answer.content
    address = f"{LIST}/{answer.json()['id']}"
    ended = ("ready", "refused", "failed")
    wait_until(lambda: own_tenant.client.get(address).json()["state"] in ended, "the training")
    row = own_tenant.client.get(address).json()
    assert row["state"] == "ready", row
    assert np.isfinite(row["auc"])


def test_the_console_shows_how_good_a_model_is(people: World, trained):
    client = console(people, Role.OWNER, "alpha", host="alpha.test")
    assert "Later years" in client.get("/admin/own_models/ownmodel/").content.decode()
    page = client.get(f"/admin/own_models/ownmodel/{trained}/change/").content.decode()
    assert "<svg role" in page
    assert "fitted to the periods before it" in page
    assert client.post(f"/admin/own_models/ownmodel/{trained}/compare/").status_code == 302
