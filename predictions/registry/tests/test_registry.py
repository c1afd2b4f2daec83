"""The registry: who may decide, what one decision does, and that scoring follows without a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, transaction

from accounts import services as accounts
from accounts.permissions import Role
from predictions.registry import artefacts, selectors, services
from predictions.registry.models import ModelEvent, ModelStatus, ModelVersion
from tenants.kernel.errors import Conflict, Forbidden, InvalidInput, OutOfScope, Unavailable
from tenants.kernel.request import SYSTEM, Actor
from tenants.models import PlatformAuditEvent, PlatformSettings
from tenants.selectors import forget_platform_settings
from tests.console import platform_console
from tests.fixtures import PASSWORD

WHY = {"reason": "Better on the latest years."}


def person(people, mark="root"):
    user = people.user(Role.SUPER_ADMIN)
    if mark == "root":
        return Actor(user.id, user.email)
    second = accounts.user_create(
        email=f"{mark}@platform.test",
        password="correct-horse-9",  # noqa: S106
        full_name=mark,
        is_super_admin=True,
        actor=SYSTEM,
    )
    return Actor(second.id, second.email)


@pytest.fixture
def two_persons(people):
    PlatformSettings.objects.update(two_person_promotion=True)
    forget_platform_settings()
    yield
    forget_platform_settings()


def champion():
    return ModelVersion.objects.get(status=ModelStatus.CHAMPION)


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_a_candidate_is_kept_in_the_storage_under_its_hash(versions):
    first, _ = versions
    assert (first.status, first.version, first.path) == ("candidate", "9.1", "")
    assert default_storage.exists(f"models/{first.sha256}/model.json")
    assert first.next_review_on is not None
    assert first.metrics["statement_market"]["auc"] > 0.85
    assert ModelEvent.objects.get(version=first).verb == "registered"


def test_registering_again_changes_nothing(versions, make_model, tmp_path):
    again = services.model_register(folder=tmp_path / "9.1", actor=SYSTEM)
    assert again.id == versions[0].id
    assert ModelEvent.objects.filter(version=again).count() == 1


def test_a_damaged_folder_is_not_registered(people, make_model):
    folder = make_model("8.0")
    (folder / "statement" / "calibration.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"calibration\.json"):
        services.model_register(folder=folder, actor=SYSTEM)


def test_promoting_swaps_what_scores_and_rolling_back_swaps_again(people, versions, committed):
    before, (first, _) = champion(), versions
    assert selectors.active_model().version == before.version
    with committed():
        services.model_promote(version_id=first.id, **WHY, actor=person(people))
    active = selectors.active_model()
    assert (active.version, active.sha256) == ("9.1", first.sha256)
    assert active.engine.sha256 == first.sha256
    before.refresh_from_db()
    assert before.status == ModelStatus.RETIRED
    with committed():
        services.model_rollback(reason="Too many alerts.", actor=person(people))
    assert selectors.active_model().sha256 == before.sha256
    assert [e.verb for e in ModelEvent.objects.filter(version=first).order_by("id")] == [
        "registered",
        "promoted",
        "retired",
    ]
    event = PlatformAuditEvent.objects.filter(action="registry.model_version.rolled_back").latest("id")
    assert event.changes["reason"] == "Too many alerts."


def test_a_second_step_back_does_not_undo_the_first(people, versions):
    origin, (first, second), actor = champion(), versions, person(people)
    for row in (first, second):
        services.model_promote(version_id=row.id, **WHY, actor=actor)
    assert services.model_rollback(reason="x", actor=actor).id == first.id
    assert services.model_rollback(reason="x", actor=actor).id == origin.id
    with pytest.raises(Conflict) as refusal:
        services.model_rollback(reason="x", actor=actor)
    assert refusal.value.code == "nothing_before"


def test_a_reason_is_needed(people, versions):
    with pytest.raises(InvalidInput):
        services.model_promote(version_id=versions[0].id, reason="  ", actor=person(people))


def test_a_version_whose_files_are_damaged_never_becomes_the_champion(people, versions, settings):
    first, before = versions[0], champion()
    name = next(n for n in json.loads(default_storage.open(
        f"models/{first.sha256}/model.json").read())["files"] if n.endswith("logistic.json"))  # fmt: skip
    assert selectors.engine_of(first.sha256)  # a process that has it in memory knows nothing of the storage
    Path(default_storage.path(f"models/{first.sha256}/{name}")).write_text("{}")
    with pytest.raises(Unavailable) as refusal:
        services.model_promote(version_id=first.id, **WHY, actor=person(people))
    assert refusal.value.code == "model_damaged"
    assert champion() == before


def test_a_damaged_copy_on_this_disk_is_fetched_again(versions, settings):
    first = versions[0]
    folder = artefacts.local(first.sha256)
    assert folder.parent == Path(settings.MODEL_CACHE)
    (folder / "statement" / "logistic.json").write_text("{}")
    assert selectors.engine_of(first.sha256).version == "9.1"


def test_the_caller_who_saw_another_champion_is_refused(people, versions):
    first, second = versions
    with pytest.raises(Conflict) as refusal:
        services.model_promote(version_id=first.id, replaces=second.id, **WHY, actor=person(people))
    assert refusal.value.code == "champion_changed"


def test_two_persons(people, versions, two_persons):
    first, before = versions[0], champion()
    asker, second = person(people), person(people, "second")
    done = services.model_promote(version_id=first.id, **WHY, actor=asker)
    assert done.request is not None
    assert champion() == before
    with pytest.raises(Conflict):
        services.model_promote(version_id=first.id, **WHY, actor=second)
    for nobody in (asker, SYSTEM):
        with pytest.raises(Forbidden) as refusal:
            services.promotion_approve(version_id=first.id, actor=nobody)
        assert refusal.value.code == "second_person"
    services.promotion_approve(version_id=first.id, reason="Read the report.", actor=second)
    assert champion() == first
    event = ModelEvent.objects.filter(version=first, verb="promoted").get()
    assert (event.actor_label, event.second_label) == (second.label, asker.label)
    assert (event.reason, event.before, event.after) == (WHY["reason"], "candidate", "champion")


def test_the_table_itself_keeps_one_person_from_being_two(people, versions, two_persons):
    actor = person(people)
    asked = services.model_promote(version_id=versions[0].id, **WHY, actor=actor).request
    asked.state, asked.decided_by_id = "approved", actor.user_id
    with pytest.raises(IntegrityError), transaction.atomic():
        asked.save()


def test_an_approval_of_what_has_been_overtaken_is_refused(people, versions, two_persons):
    first, second = versions
    asker, other = person(people), person(people, "second")
    services.model_promote(version_id=first.id, **WHY, actor=asker)
    services.model_promote(version_id=second.id, **WHY, actor=asker)
    services.promotion_approve(version_id=second.id, actor=other)
    with pytest.raises(Conflict) as refusal:
        services.promotion_approve(version_id=first.id, actor=other)
    assert refusal.value.code == "champion_changed"
    services.promotion_reject(version_id=first.id, reason="Overtaken.", actor=asker)
    with pytest.raises(Conflict):
        services.promotion_approve(version_id=first.id, actor=other)


@pytest.mark.parametrize("status", [ModelStatus.CHAMPION, ModelStatus.CHALLENGER])
def test_the_table_holds_one_of_each(versions, status):
    first, second = versions
    ModelVersion.objects.filter(status=status).update(status=ModelStatus.RETIRED)
    ModelVersion.objects.filter(id=first.id).update(status=status)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(id=second.id).update(status=status)


def test_one_challenger_at_a_time_and_the_champion_stays(people, versions):
    first, second, actor = *versions, person(people)
    services.model_challenge(version_id=first.id, **WHY, actor=actor)
    services.model_challenge(version_id=second.id, **WHY, actor=actor)
    first.refresh_from_db()
    assert first.status == ModelStatus.CANDIDATE
    with pytest.raises(Conflict):
        services.model_challenge(version_id=champion().id, **WHY, actor=actor)
    with pytest.raises(Conflict):
        services.model_retire(version_id=champion().id, **WHY, actor=actor)
    assert services.model_retire(version_id=second.id, **WHY, actor=actor).status == "retired"


def test_history_is_only_added_to(versions):
    event = ModelEvent.objects.first()
    event.reason = "other"
    with pytest.raises(OutOfScope):
        event.save()
    with pytest.raises(OutOfScope):
        event.delete()


def test_a_release_brings_its_model_until_a_person_has_chosen(people, versions, make_model, settings):
    folder = make_model("10.0")
    settings.MODEL_PATH = str(folder)
    shipped = services.shipped_model_register(actor=SYSTEM)
    assert champion() == shipped
    assert services.shipped_model_register(actor=SYSTEM) == shipped
    services.model_promote(version_id=versions[0].id, **WHY, actor=person(people))
    settings.MODEL_PATH = str(make_model("11.0"))
    assert services.shipped_model_register(actor=SYSTEM).status == ModelStatus.CANDIDATE
    assert champion() == versions[0]


# -- over HTTP --------------------------------------------------------------------------------


def test_members_see_the_champion_and_nothing_else(people, versions):
    client = people.client(Role.VIEWER)
    items = client.get("/api/v1/models").json()["items"]
    assert [row["status"] for row in items] == ["champion"]
    assert client.get(f"/api/v1/models/{versions[0].id}").status_code == 404
    card = client.get("/api/v1/models/champion/card").json()
    assert card["model"]["sha256"] == champion().sha256
    assert len(card["questions"]) == 20
    assert card["governance"]["owner"] == "Platform"


def test_promoting_over_http_takes_a_fresh_proof(people, versions):
    address = f"/api/v1/models/{versions[0].id}/promote"
    stale = people.client(Role.SUPER_ADMIN, proved=False).post(address, WHY)
    assert (stale.status_code, stale.json()["code"]) == (403, "step_up_required")
    client = people.client(Role.SUPER_ADMIN)
    assert client.post(address, {}).status_code == 400
    answer = client.post(address, {**WHY, "replaces": str(champion().id)})
    assert (answer.status_code, answer.json()["status"]) == (200, "champion")
    assert client.post("/api/v1/models/rollback", WHY).json()["version"] != "9.1"
    history = client.get(f"/api/v1/models/{versions[0].id}/history").json()["items"]
    assert [row["verb"] for row in history] == ["retired", "promoted", "registered"]


def test_two_persons_over_http(people, versions, two_persons):
    client, address = people.client(Role.SUPER_ADMIN), f"/api/v1/models/{versions[0].id}"
    answer = client.post(f"{address}/promote", WHY)
    assert (answer.status_code, answer.json()["status"]) == (202, "candidate")
    assert answer.json()["pending"]["reason"] == WHY["reason"]
    own = client.post(f"{address}/approve", {})
    assert (own.status_code, own.json()["code"]) == (403, "second_person")
    assert client.post(f"{address}/reject", WHY).json()["pending"] is None


def test_what_is_said_of_a_version_is_checked_and_audited(people, versions):
    client, address = people.client(Role.SUPER_ADMIN), f"/api/v1/models/{versions[0].id}"
    changed = client.patch(address, {"owner": "Credit risk", "materiality": "medium"}).json()
    assert (changed["owner"], changed["materiality"]) == ("Credit risk", "medium")
    assert client.patch(address, {"materiality": "huge"}).status_code == 400
    event = PlatformAuditEvent.objects.filter(action="registry.model_version.described").latest("id")
    assert event.changes["owner"] == ["", "Credit risk"]


def test_without_a_registry_a_command_ends_before_it_trains(monkeypatch, tmp_path):
    def no_table() -> bool:
        raise ProgrammingError('relation "registry_modelversion" does not exist')

    monkeypatch.setattr(ModelVersion.objects, "exists", no_table)
    with pytest.raises(CommandError, match=r"migrate_tenants and provision first\.$"):
        call_command("model_train", str(tmp_path / "model"), data="nowhere")
    assert not (tmp_path / "model").exists()


def test_commands(people, versions, make_model, capsys):
    call_command("model_register", str(make_model("9.5")), owner="Risk")
    row = ModelVersion.objects.get(version="9.5")
    call_command("model_promote", row.sha256[:12], reason="Shell.")
    assert champion() == row
    call_command("model_rollback", reason="Shell.")
    call_command("model_challenge", row.sha256[:12], reason="Shell.")
    call_command("model_retire", str(row.id), reason="Shell.")
    call_command("model_list")
    assert "9.5" in capsys.readouterr().out
    row.refresh_from_db()
    assert row.status == ModelStatus.RETIRED


# -- the console ------------------------------------------------------------------------------


def test_the_console_shows_a_version_with_its_report(people, versions):
    client = platform_console(people)
    page = client.get(f"/admin/registry/modelversion/{champion().id}/change/")
    assert page.status_code == 200
    assert "Shipped with the platform." in page.content.decode()
    listed = client.get("/admin/registry/modelversion/").content.decode()
    assert "9.1" in listed


def test_decisions_on_the_console_ask_why(people, versions):
    client, address = platform_console(people), f"/admin/registry/modelversion/{versions[0].id}"
    asked = client.post(f"{address}/promote/", WHY)
    assert asked["Location"].startswith("/admin/prove/")
    assert champion() != versions[0]
    client.post("/admin/prove/", {"password": PASSWORD})
    assert client.get(f"{address}/promote/").status_code == 200
    client.post(f"{address}/promote/", {})
    assert champion() != versions[0]
    assert client.post(f"{address}/promote/", WHY).status_code == 302
    assert champion() == versions[0]
    client.post(f"{address}/rollback/", WHY)
    assert champion() != versions[0]
    client.post(f"{address}/describe/", {"owner": "Risk", "materiality": "low"})
    versions[0].refresh_from_db()
    assert (versions[0].owner, versions[0].materiality) == ("Risk", "low")


def test_the_platform_says_over_http_whether_two_persons_are_needed(
    people, django_capture_on_commit_callbacks
):
    client = people.client(Role.SUPER_ADMIN)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.patch("/api/v1/platform/settings", {"two_person_promotion": True})
    assert (answer.status_code, answer.json()["two_person_promotion"]) == (200, True), answer.content
    assert services.two_persons_needed() is True
    forget_platform_settings()
