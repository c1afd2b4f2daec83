"""Validation reports over the API and by command: asked for, made in the background, fetched."""

from __future__ import annotations

import hashlib

import pytest
from django.core.management import call_command

from accounts.permissions import Role
from predictions.registry import reports
from predictions.registry.models import ReportState, ValidationReport

ADDRESS = "/api/v1/models/champion"


@pytest.fixture
def asked(people, versions, monkeypatch):
    """A report that was asked for over the API, and the id that the task was given."""
    sent = []
    monkeypatch.setattr(reports, "enqueue", lambda name, **rest: sent.append((name, rest["report_id"])))
    answer = people.client(Role.SUPER_ADMIN).post(f"{ADDRESS}/validation", {})
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert sent == [("registry.make_report", answer.json()["id"])]
    return reports.UUID(sent[0][1])


def test_before_the_first_report_there_is_one_from_what_the_model_brought(people, versions):
    client = people.client(Role.VIEWER)
    body = client.get(f"{ADDRESS}/validation").json()
    assert body["model"]["sha256"] == client.get(ADDRESS).json()["sha256"]
    assert len(body["questions"]) == 20
    assert bool(body["evidence"]) != bool(body["needs_data"])
    refused = client.get(f"{ADDRESS}/validation.pdf")
    assert (refused.status_code, refused.json()["code"]) == (409, "report_not_ready")


def test_a_report_is_made_and_fetched(people, asked):
    row = reports.report_make(report_id=asked)
    assert row.state == ReportState.DONE
    assert reports.report_make(report_id=asked) is None  # a second message finds it made
    client = people.client(Role.VIEWER)
    answer = client.get(f"{ADDRESS}/validation.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert hashlib.sha256(answer.content).hexdigest() == row.sha256
    governance = client.get(f"{ADDRESS}/validation").json()["governance"]
    assert governance["status"] == "Champion"
    assert governance["history"][0]["verb"] == "registered"


def test_one_report_at_a_time(people, asked):
    again = people.client(Role.SUPER_ADMIN).post(f"{ADDRESS}/validation", {})
    assert (again.status_code, again.json()["code"]) == (409, "report_running")


def test_a_report_that_failed_says_so_and_can_be_asked_for_again(people, asked, monkeypatch):
    reports.report_fail(report_id=asked, message="No.")
    assert ValidationReport.objects.get(id=asked).error == "No."
    assert people.client(Role.SUPER_ADMIN).post(f"{ADDRESS}/validation", {}).status_code == 202


def test_recounting_needs_the_data(people, versions, settings, tmp_path):
    settings.MODEL_DATA = str(tmp_path)
    answer = people.client(Role.SUPER_ADMIN).post(f"{ADDRESS}/validation", {"recompute": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "data_not_here")


def test_the_command_makes_one(people, versions, tmp_path, capsys):
    call_command("model_validate", "champion", output=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert "report of" in capsys.readouterr().out
