"""Letters: rendered with the request, sealed, sent after commit, tried again, given up."""

from __future__ import annotations

import smtplib
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core import mail as django_mail
from django.db import transaction
from django.template import engines
from django.utils import timezone

from tenants.kernel import mail
from tenants.kernel.context import in_tenant
from tenants.kernel.jobs import PlatformTask
from tenants.mailing import services
from tenants.mailing.models import OutgoingLetter
from tests.fixtures import World
from tests.letters import letters, token_in
from tests.worker import wait_until

LETTER = mail.Letter("a@b.test", "Subject", "Text", "<p>Text</p>")


@pytest.fixture
def templates(monkeypatch):
    """A letter of the tests' own."""
    pages = {
        "mail/t/try.subject.txt": "Hello {{ name }}",
        "mail/t/try.txt": '{% extends "mail/_base.txt" %}{% block body %}Dear {{ name }}{% endblock %}',
        "mail/t/try.html": '{% extends "mail/_base.html" %}{% block body %}<p>{{ name }}</p>{% endblock %}',
    }
    engine = engines["django"].engine
    monkeypatch.setattr(
        engine,
        "loaders",
        [("django.template.loaders.locmem.Loader", pages), *engine.loaders],
    )
    engine.__dict__.pop("template_loaders", None)
    yield
    engine.__dict__.pop("template_loaders", None)


class Failing:
    """A mail backend that always fails in one way."""

    error: Exception = OSError("the server is away")

    def __init__(self, *args, **kwargs):
        pass

    def send_messages(self, messages):
        raise Failing.error


def send(to="someone@example.test", **context):
    return mail.send(
        template="t/try", to=to, context={"name": "A & B\nBcc: x@y.test", "token": "tok-1", **context}
    )


def test_a_letter_is_written_in_the_platforms_or_the_institutions_name(people: World, templates):
    send()
    with in_tenant(people.tenants["alpha"]):
        send()
    with in_tenant(people.tenants["personal"]):
        send()
    own, alphas, personal = letters("SOMEONE@example.test")
    assert own.subject == "Hello A & B Bcc: x@y.test"
    assert "Dear A & B" in own.text
    assert "A &amp; B" in own.html
    assert token_in(own) == "tok-1"
    assert alphas.text.rstrip().endswith("Alpha")
    assert "Alpha uses the Default Risk Platform." in alphas.html
    assert personal.text == own.text


def test_the_row_shows_nobody_anything_and_the_task_gets_an_id(
    people: World, templates, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(PlatformTask, "apply_async", lambda self, **message: sent.append(message))
    with django_capture_on_commit_callbacks(execute=True):
        identifier = send()
    row = OutgoingLetter.objects.get()
    assert "tok-1" not in row.sealed
    assert "example.test" not in row.sealed
    [message] = sent
    assert message["kwargs"] == {"letter_id": str(identifier)}
    assert message["queue"] == "mail"
    assert message["headers"]["reach"]["actor"] == [None, "system"]


def test_a_rolled_back_request_sends_nothing(people: World, templates):
    with transaction.atomic():
        send()
        transaction.set_rollback(True)
    assert letters() == []


def test_sending_removes_the_row(people: World, templates):
    identifier = send()
    assert services.letter_deliver(letter_id=identifier) is True
    [message] = django_mail.outbox
    assert message.to == ["someone@example.test"]
    assert message.alternatives[0].mimetype == "text/html"
    assert not OutgoingLetter.objects.exists()
    assert services.letter_deliver(letter_id=identifier) is False


def test_a_failure_is_tried_again_later_and_in_the_end_given_up(people: World, templates, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Failing"
    identifier = send()
    assert services.letter_deliver(letter_id=identifier) is False
    row = OutgoingLetter.objects.get()
    assert (row.attempts, row.given_up_at, row.trouble) == (1, None, "OSError")
    assert row.next_attempt_at > timezone.now()
    assert services.letters_sweep() == 0
    assert services.letters_sweep(now=row.next_attempt_at) == 1
    assert services.letters_sweep(now=row.next_attempt_at) == 0
    OutgoingLetter.objects.update(attempts=services.MOST_ATTEMPTS - 1)
    services.letter_deliver(letter_id=identifier)
    row.refresh_from_db()
    assert row.given_up_at is not None
    assert row.sealed == ""
    services.letters_sweep(now=timezone.now() + services.KEPT + timedelta(hours=1))
    assert not OutgoingLetter.objects.exists()


def test_pauses_grow_to_an_hour():
    pauses = [services.pause(n).total_seconds() for n in range(1, 11)]
    assert pauses[:4] == [30, 60, 120, 240]
    assert pauses == sorted(pauses)
    assert services.pause(services.MOST_ATTEMPTS) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (OSError(), True),
        (smtplib.SMTPRecipientsRefused({"a@b.test": (550, b"no such user")}), False),
        (smtplib.SMTPRecipientsRefused({"a@b.test": (450, b"later")}), True),
        (smtplib.SMTPDataError(554, b"spam"), False),
        (smtplib.SMTPServerDisconnected(), True),
    ],
)
def test_a_final_no_is_not_asked_again(people: World, templates, settings, monkeypatch, error, passing):
    settings.EMAIL_BACKEND = f"{__name__}.Failing"
    monkeypatch.setattr(Failing, "error", error)
    services.letter_deliver(letter_id=send())
    assert (OutgoingLetter.objects.get().given_up_at is None) is passing


def test_with_a_key_resend_is_asked(people: World, templates, settings, monkeypatch):
    import requests

    settings.EMAIL_BACKEND = "anymail.backends.resend.EmailBackend"
    settings.ANYMAIL = {"RESEND_API_KEY": "re_test"}
    asked = []

    def answer(self, request, **kwargs):
        asked.append(request)
        response = requests.Response()
        response.status_code = 200 if len(asked) > 1 else 503
        response._content = b'{"id": "1"}'
        response.request = request
        return response

    # The line to the provider is cut where it leaves the process; everything before is real.
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", answer)
    identifier = send()
    assert services.letter_deliver(letter_id=identifier) is False
    assert OutgoingLetter.objects.get().attempts == 1
    assert services.letter_deliver(letter_id=identifier) is True
    assert asked[0].url == "https://api.resend.com/emails"
    assert asked[0].headers["Authorization"] == "Bearer re_test"


def test_a_changed_secret_key_gives_the_letter_up(people: World, templates, settings):
    identifier = send()
    settings.SECRET_KEY = "another" * 10
    services.letter_deliver(letter_id=identifier)
    assert OutgoingLetter.objects.get().trouble == "unreadable"


def test_links_quote_what_they_carry(settings):
    settings.PUBLIC_APP_URL = "https://app.example/"
    assert mail.link("reset_password", token="a/b&c") == "https://app.example/account/reset?token=a%2Fb%26c"


@pytest.mark.worker
def test_a_worker_sends_it(own_tenant, worker, templates):
    folder = Path(configured.EMAIL_FILE_PATH)
    address = f"{own_tenant.mark}@worker.test"
    begun = time.time() - 5
    with transaction.atomic():
        identifier = send(to=address)

    def arrived():
        files = [f for f in folder.glob("*.log") if f.stat().st_mtime > begun] if folder.is_dir() else []
        return any(address in f.read_text() for f in files)

    wait_until(arrived, "the mail in its file")
    wait_until(lambda: not OutgoingLetter.objects.filter(id=identifier).exists(), "the row to go")
