"""Between the platform and a source: retries, pace, circuit, mutual TLS, credentials."""

from __future__ import annotations

import json
import time

import boto3
import pytest

from companies.connectors import secrets
from companies.connectors.circuits import Circuit, redis_client, redis_key, view
from companies.connectors.errors import CircuitOpen, NotThere, SecretMissing, SourceFailed
from companies.connectors.tests.servers import asking_for_certificates, aws, certificates, serving
from companies.connectors.transport import HttpSource, Pace, TlsFiles

CIRCUIT = "test-source"


@pytest.fixture(autouse=True)
def _fresh_circuit(settings):
    settings.CONNECTOR_CIRCUIT_FAILURES = 5
    settings.CONNECTOR_CIRCUIT_SECONDS = 60
    _forget()
    yield
    _forget()


def _forget():
    client = redis_client()
    for name in (CIRCUIT, "edgar"):
        if keys := list(client.scan_iter(match=redis_key(f"circuit:{name}") + "*")):
            client.delete(*keys)


def age(name, seconds):
    """Make a circuit as old as if it had opened so long ago."""
    redis_client().set(redis_key(f"circuit:{name}") + ":pybreaker:opened_at", int(time.time()) - seconds)


@pytest.fixture
def pages():
    with serving() as made:
        yield made


def source(pages, **more):
    pauses = []
    made = HttpSource(
        pages.address, circuit=Circuit(CIRCUIT), sleep=pauses.append, chance=lambda: 1.0, **more
    )
    return made, pauses


def test_what_may_pass_is_tried_again_with_growing_pauses(pages, settings):
    settings.CONNECTOR_BACKOFF = 0.5
    pages.content["/a"] = b"found"
    pages.failures = [503, 500]
    http, pauses = source(pages)
    assert http.get("/a") == b"found"
    assert pauses == [0.5, 1.0]
    assert view(CIRCUIT).state == "closed"


def test_a_pause_is_cut_by_chance(pages, settings):
    settings.CONNECTOR_BACKOFF = 0.5
    pages.content["/a"] = b"found"
    pages.failures = [503]
    pauses = []
    HttpSource(pages.address, circuit=Circuit(CIRCUIT), sleep=pauses.append, chance=lambda: 0.0).get("/a")
    assert pauses == [0.25]


def test_the_source_may_ask_for_a_longer_pause(pages):
    pages.content["/a"] = b"found"
    pages.failures = [429]
    pages.headers["Retry-After"] = "7"
    http, pauses = source(pages)
    assert (http.get("/a"), pauses) == (b"found", [7.0])


@pytest.mark.parametrize("status", [400, 403, 301])
def test_what_does_not_pass_is_not_tried_again(pages, status):
    pages.failures = [status]
    http, _ = source(pages)
    with pytest.raises(SourceFailed, match=str(status)):
        http.get("/a")
    assert len(pages.asked) == 1


def test_a_document_that_is_not_there_is_no_failure(pages):
    http, _ = source(pages)
    for _ in range(8):
        with pytest.raises(NotThere):
            http.get("/nothing")
    assert view(CIRCUIT) == view("never-asked")


def test_a_source_that_does_not_answer_opens_the_circuit_and_closes_it_again(pages):
    pages.content["/a"] = b"found"
    pages.failures = [500] * 5
    http, _ = source(pages)
    with pytest.raises(SourceFailed):
        http.get("/a")
    assert view(CIRCUIT).failures == 4
    with pytest.raises(SourceFailed):
        HttpSource(pages.address, circuit=Circuit(CIRCUIT), sleep=lambda _: None).get("/a")
    opened = view(CIRCUIT)
    assert opened.state == "open"
    assert (opened.retry_at - opened.opened_at).total_seconds() == 60
    asked = len(pages.asked)
    # Another worker knows of it, and asks nothing.
    with pytest.raises(CircuitOpen):
        source(pages)[0].get("/a")
    assert len(pages.asked) == asked
    age(CIRCUIT, 61)
    assert source(pages)[0].get("/a") == b"found"
    assert view(CIRCUIT).state == "closed"


def test_a_trial_that_fails_opens_the_circuit_again(pages, settings):
    settings.CONNECTOR_ATTEMPTS = 1
    pages.failures = [500] * 6
    for _ in range(5):
        with pytest.raises(SourceFailed):
            source(pages)[0].get("/a")
    age(CIRCUIT, 61)
    with pytest.raises(SourceFailed):
        source(pages)[0].get("/a")
    assert view(CIRCUIT).state == "open"
    Circuit(CIRCUIT).close()
    assert view(CIRCUIT).state == "closed"


def test_the_pace_is_shared_and_even():
    slept = []
    one, other = (Pace(f"test-{time.monotonic_ns()}", 10, sleep=slept.append) for _ in range(2))
    other._key = one._key  # two workers with one source
    waits = [pace.wait() for pace in (one, other, one, other)]
    assert waits[0] == 0
    assert [round(wait, 1) for wait in waits[1:]] == [0.1, 0.2, 0.3]
    assert slept == waits[1:]


# -- mutual TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"))


def tls(files, *, client=True):
    own = (str(files / "client.pem"), str(files / "client.key")) if client else ("", "")
    return TlsFiles(str(files / "ca.pem"), *own)


def test_mutual_tls(files, settings):
    settings.CONNECTOR_ATTEMPTS = 1
    with serving(asking_for_certificates(files)) as pages:
        pages.content["/a"] = b"secret"
        http, _ = source(pages, tls=tls(files))
        assert http.get("/a") == b"secret"
        # Without a certificate of ours the source hangs up; without its authority we do.
        for files_shown in (tls(files, client=False), TlsFiles()):
            with pytest.raises(SourceFailed):
                source(pages, tls=files_shown)[0].get("/a")
        assert pages.paths == ["/a"]


def test_certificates_that_are_not_there(tmp_path):
    with pytest.raises(SourceFailed, match="cannot be read"):
        TlsFiles(ca=str(tmp_path / "none.pem")).context()


# -- credentials ----------------------------------------------------------------------------------------


def test_from_the_environment(settings):
    settings.CONNECTOR_SECRETS = "environment"
    settings.CONNECTOR_SECRET_VALUES = {"DROP_ACME_KEY": '{"access_key_id": "a"}', "PLAIN": "word"}
    assert secrets.store().read("drop/acme/key") == {"access_key_id": "a"}
    assert secrets.store().read("plain") == {"value": "word"}


def test_from_files(settings, tmp_path):
    settings.CONNECTOR_SECRETS, settings.CONNECTOR_SECRETS_DIR = "file", str(tmp_path)
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "key").write_text('{"access_key_id": "b"}\n')
    (tmp_path.parent / "outside").write_text("not for you")
    assert secrets.store().read("drop/key") == {"access_key_id": "b"}
    for name in ("drop/none", "drop", "../outside", "/etc/passwd", ""):
        with pytest.raises(SecretMissing):
            secrets.store().read(name)


def test_a_secret_that_cannot_be_read_is_not_repeated(settings):
    settings.CONNECTOR_SECRETS = "environment"
    settings.CONNECTOR_SECRET_VALUES = {"BROKEN": "{hush hush"}
    with pytest.raises(SecretMissing) as refused:
        secrets.store().read("broken")
    assert "hush" not in str(refused.value)


@pytest.fixture(scope="module")
def amazon():
    with aws() as address:
        yield address


def test_from_aws_secrets_manager(settings, amazon, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    settings.CONNECTOR_SECRETS, settings.CONNECTOR_SECRETS_ENDPOINT = "aws", amazon
    manager = boto3.client("secretsmanager", region_name="us-east-1", endpoint_url=amazon)
    kept = json.dumps({"access_key_id": "c"})
    manager.create_secret(Name="default-risk-platform/drop/key", SecretString=kept)
    assert secrets.store().read("drop/key") == {"access_key_id": "c"}
    with pytest.raises(SecretMissing):
        secrets.store().read("drop/other")
    settings.CONNECTOR_SECRETS_ENDPOINT = "http://127.0.0.1:9"
    with pytest.raises(SourceFailed):
        secrets.store().read("drop/key")
