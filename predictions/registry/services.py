"""Registering model versions, and choosing the one that scores and the one that runs beside it.

Every change locks all versions first: the table is small, and two decisions at the same moment follow one
another, so that the second sees what the first has done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from predictions.registry import artefacts, selectors
from predictions.registry.models import (
    REVIEW_MONTHS,
    Materiality,
    ModelEvent,
    ModelStatus,
    ModelVersion,
    PromotionRequest,
    RequestState,
)
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Conflict, Forbidden, InvalidInput
from tenants.kernel.request import Actor
from tenants.selectors import platform_settings

PROVISIONED = "Shipped with the platform."


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a wish to promote: the version as it stands, and the request if one waits."""

    version: ModelVersion
    request: PromotionRequest | None = None


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason:
        raise InvalidInput(
            errors=[{"pointer": "/reason", "code": "required", "detail": "Say why: it is kept."}]
        )
    return reason[:500]


def _review_date(materiality: str) -> date:
    """When a version must be looked at again, counted from today."""
    today = timezone.now().date()
    months = today.month - 1 + REVIEW_MONTHS[Materiality(materiality)]
    return date(today.year + months // 12, months % 12 + 1, min(today.day, 28))


def _locked() -> dict[UUID, ModelVersion]:
    """All versions by id, locked until the transaction ends."""
    return {row.id: row for row in ModelVersion.objects.select_for_update().order_by("id")}


def _one(rows: dict[UUID, ModelVersion], version_id: UUID) -> ModelVersion:
    if version_id not in rows:
        raise Absent()
    return rows[version_id]


def _champion(rows: dict[UUID, ModelVersion]) -> ModelVersion | None:
    return next((row for row in rows.values() if row.status == ModelStatus.CHAMPION), None)


def _note(
    version: ModelVersion, verb: str, before: str, *, reason: str = "", second: str = "", actor: Actor
) -> None:
    """One line of history, and one of the audit log."""
    ModelEvent.objects.create(
        version=version,
        verb=verb,
        before=before,
        after=version.status,
        reason=reason,
        actor_id=actor.user_id,
        actor_label=actor.label[:254],
        second_label=second,
    )
    changes: dict[str, Any] = {"status": [before, version.status], "model": version.sha256}
    if reason:
        changes["reason"] = reason
    if second:
        changes["asked_by"] = second
    audit.record(f"registry.model_version.{verb}", on=version, changes=changes, actor=actor)
    transaction.on_commit(selectors.forget)


# -- registering ------------------------------------------------------------------------------


def model_register(
    *,
    folder: Path,
    owner: str = "",
    purpose: str = "",
    materiality: str = Materiality.HIGH,
    actor: Actor,
) -> ModelVersion:
    """Keep a trained model's folder and register it as a candidate; one that is known already stays as it is.

    Raises InvalidInput for a folder that is no whole model.
    """
    with in_public():
        known = ModelVersion.objects.filter(sha256=artefacts.manifest_hash(folder)).first()
    if known is not None:
        return known
    row = _measured(folder)
    artefacts.keep(folder)
    with in_public(), transaction.atomic():
        row.owner, row.purpose, row.materiality = owner[:200], purpose[:300], materiality
        row.created_by_label = actor.label[:254]
        row.next_review_on = _review_date(materiality)
        row.save(force_insert=True)
        _note(row, "registered", "", actor=actor)
    return row


def _measured(folder: Path) -> ModelVersion:
    """A row for the model in a folder; its hashes are checked on the way."""
    from ml.engine import Engine  # takes more than a second, see predictions.registry.selectors
    from ml.persistence import ArtifactError

    try:
        engine = Engine.load(folder)
    except ArtifactError as error:
        raise InvalidInput(f"This is no whole model: {error}.", code="model_damaged") from error
    card = dict(engine.manifest)
    return ModelVersion(
        sha256=engine.sha256,
        name=engine.name,
        version=engine.version,
        card=card,
        metrics=selectors.metrics_of(card),
    )


def shipped_model_register(*, actor: Actor) -> ModelVersion:
    """Register the model that came with the code, and let it score where no person has chosen another.

    A release brings a new model as the champion as long as every champion so far came with a release and no
    second person is needed; otherwise it waits as a candidate. Idempotent.
    """
    folder = Path(settings.MODEL_PATH)
    version = model_register(folder=folder, owner="Platform", purpose=PROVISIONED, actor=actor)
    # A later release brings other files: this version must then be found in the storage.
    artefacts.keep(folder)
    with in_public(), transaction.atomic():
        rows = _locked()
        version, champion = rows[version.id], _champion(rows)
        if version.path != str(folder):
            version.path = str(folder)
            version.save(update_fields=["path"])
        chosen = ModelEvent.objects.filter(verb__in=("promoted", "rolled_back")).exclude(reason=PROVISIONED)
        waits = version.status == ModelStatus.RETIRED or chosen.exists()
        if champion is None or (not waits and champion.id != version.id and not two_persons_needed()):
            _enthrone(version, champion, "promoted", reason=PROVISIONED, actor=actor)
    return version


def two_persons_needed() -> bool:
    """Whether the platform asks for a second person before another model scores."""
    return platform_settings().two_person_promotion


# -- promoting --------------------------------------------------------------------------------


def model_promote(*, version_id: UUID, reason: str, replaces: UUID | None = None, actor: Actor) -> Decision:
    """Let a version score from now on, or ask a second person for it where the platform's setting says so.

    ``replaces`` is the champion that the caller had before his eyes: where another has taken its place
    meanwhile, nothing happens. Raises Conflict.
    """
    why = _reason(reason)
    _check_files(version_id)
    with in_public(), transaction.atomic():
        rows = _locked()
        version, champion = _one(rows, version_id), _champion(rows)
        _assert_promotable(version, champion, replaces)
        if two_persons_needed():
            return Decision(version, _ask(version, champion, why, actor))
        _enthrone(version, champion, "promoted", reason=why, actor=actor)
    return Decision(version)


def _check_files(version_id: UUID) -> None:
    """Read and load the version: one whose files are gone or altered never becomes the champion."""
    with in_public():
        sha256 = ModelVersion.objects.filter(id=version_id).values_list("sha256", flat=True).first()
    if sha256 is not None:
        artefacts.check(sha256)
        selectors.engine_of(sha256)


def _assert_promotable(version: ModelVersion, champion: ModelVersion | None, replaces: UUID | None) -> None:
    if champion is not None and champion.id == version.id:
        raise Conflict("This version is the champion already.", code="champion_already")
    if replaces is not None and (champion is None or champion.id != replaces):
        raise Conflict("Another version has become the champion meanwhile.", code="champion_changed")


def _ask(version: ModelVersion, champion: ModelVersion | None, reason: str, actor: Actor) -> PromotionRequest:
    if PromotionRequest.objects.filter(version=version, state=RequestState.PENDING).exists():
        raise Conflict("Its promotion waits for a second person already.", code="promotion_pending")
    asked = PromotionRequest.objects.create(
        version=version,
        replaces=champion,
        reason=reason,
        requested_by_id=actor.user_id,
        requested_by_label=actor.label[:254],
    )
    _note(version, "promotion_asked", version.status, reason=reason, actor=actor)
    return asked


def _enthrone(
    version: ModelVersion,
    champion: ModelVersion | None,
    verb: str,
    *,
    reason: str,
    second: str = "",
    actor: Actor,
) -> None:
    """Make the version the champion; the one before is retired, and can be rolled back to."""
    if champion is not None:
        champion.status = ModelStatus.RETIRED
        champion.save(update_fields=["status"])
        _note(champion, "retired", ModelStatus.CHAMPION, reason=f"Replaced by {version}."[:500], actor=actor)
    before, version.status = version.status, ModelStatus.CHAMPION
    version.save(update_fields=["status"])
    _note(version, verb, before, reason=reason, second=second, actor=actor)


def promotion_approve(*, version_id: UUID, reason: str = "", actor: Actor) -> ModelVersion:
    """Carry out a promotion that somebody else has asked for. Nobody approves his own wish."""
    _check_files(version_id)
    with in_public(), transaction.atomic():
        rows = _locked()
        version, champion = _one(rows, version_id), _champion(rows)
        asked = _decided(version, RequestState.APPROVED, reason, actor)
        replaces = asked.replaces_id
        if (champion.id if champion else None) != replaces:
            raise Conflict("Another version has become the champion meanwhile.", code="champion_changed")
        _enthrone(
            version,
            champion,
            "promoted",
            reason=asked.reason,
            second=asked.requested_by_label,
            actor=actor,
        )
    return version


def promotion_reject(*, version_id: UUID, reason: str, actor: Actor) -> ModelVersion:
    """Refuse a promotion; whoever asked for it may take it back this way as well."""
    why = _reason(reason)
    with in_public(), transaction.atomic():
        version = _one(_locked(), version_id)
        _decided(version, RequestState.REJECTED, why, actor)
        _note(version, "promotion_rejected", version.status, reason=why, actor=actor)
    return version


def _decided(version: ModelVersion, state: RequestState, reason: str, actor: Actor) -> PromotionRequest:
    pending = PromotionRequest.objects.select_for_update().filter(version=version, state=RequestState.PENDING)
    asked = pending.first()
    if asked is None:
        raise Conflict("No promotion of this version waits for anybody.", code="nothing_pending")
    if state == RequestState.APPROVED:
        if actor.user_id is None:
            raise Forbidden("A second person approves by name, not from a shell.", code="second_person")
        if actor.user_id == asked.requested_by_id:
            raise Forbidden("A second person has to approve what you asked for.", code="second_person")
    asked.state, asked.decided_at = state, timezone.now()
    asked.decided_by_id, asked.decided_by_label = actor.user_id, actor.label[:254]
    asked.decision_reason = reason.strip()[:500]
    asked.save()
    return asked


def model_rollback(*, reason: str, actor: Actor) -> ModelVersion:
    """Let the version score again that was the champion before. One person may: two agreed to it once.

    Raises Conflict where there was none before.
    """
    why = _reason(reason)
    with in_public():
        before = _previous()
    if before is None:
        raise Conflict("There is no earlier champion to go back to.", code="nothing_before")
    _check_files(before)
    with in_public(), transaction.atomic():
        rows = _locked()
        champion = _champion(rows)
        if champion is None or _previous() != before:
            raise Conflict("Another version has become the champion meanwhile.", code="champion_changed")
        version = rows[before]
        _enthrone(version, champion, "rolled_back", reason=why, actor=actor)
    return version


def _previous() -> UUID | None:
    """The champion before the present one, by the history.

    A step back is undone by promoting again, not by a second step back: rolled-back versions are passed over.
    """
    past: list[UUID] = []
    events = ModelEvent.objects.filter(verb__in=("promoted", "rolled_back")).order_by("id")
    for verb, version_id in events.values_list("verb", "version_id"):
        if verb == "rolled_back" and version_id in past:
            del past[past.index(version_id) + 1 :]
        else:
            if version_id in past:
                past.remove(version_id)
            past.append(version_id)
    return past[-2] if len(past) > 1 else None


# -- the challenger, and the end of a version ---------------------------------------------------


def model_challenge(*, version_id: UUID, reason: str, actor: Actor) -> ModelVersion:
    """Let a version score in the champion's shadow; the challenger before it becomes a candidate again."""
    why = _reason(reason)
    _check_files(version_id)
    with in_public(), transaction.atomic():
        rows = _locked()
        version = _one(rows, version_id)
        if version.status in (ModelStatus.CHAMPION, ModelStatus.CHALLENGER):
            raise Conflict(f"This version is the {version.status} already.", code=f"{version.status}_already")
        for other in rows.values():
            if other.status == ModelStatus.CHALLENGER:
                other.status = ModelStatus.CANDIDATE
                other.save(update_fields=["status"])
                _note(other, "challenge_ended", ModelStatus.CHALLENGER, reason=why, actor=actor)
        before, version.status = version.status, ModelStatus.CHALLENGER
        version.save(update_fields=["status"])
        _note(version, "challenged", before, reason=why, actor=actor)
    return version


def model_retire(*, version_id: UUID, reason: str, actor: Actor) -> ModelVersion:
    """Take a version out of use. The champion cannot be: something must score."""
    why = _reason(reason)
    with in_public(), transaction.atomic():
        version = _one(_locked(), version_id)
        if version.status == ModelStatus.CHAMPION:
            raise Conflict("The champion scores: promote another version first.", code="champion_scores")
        if version.status == ModelStatus.RETIRED:
            raise Conflict("This version is retired already.", code="retired_already")
        PromotionRequest.objects.filter(version=version, state=RequestState.PENDING).update(
            state=RequestState.REJECTED,
            decided_at=timezone.now(),
            decided_by_id=actor.user_id,
            decided_by_label=actor.label[:254],
            decision_reason=why,
        )
        before, version.status = version.status, ModelStatus.RETIRED
        version.save(update_fields=["status"])
        _note(version, "retired", before, reason=why, actor=actor)
    return version


def model_describe(*, version_id: UUID, changes: dict[str, Any], actor: Actor) -> ModelVersion:
    """Change who answers for a version, what it is for, how much hangs on it, and when it is reviewed."""
    allowed = {"owner", "purpose", "materiality", "next_review_on"}
    with in_public(), transaction.atomic():
        version = _one(_locked(), version_id)
        pairs = {}
        for name, value in changes.items():
            if name in allowed and getattr(version, name) != value:
                pairs[name] = [str(getattr(version, name) or ""), str(value or "")]
                setattr(version, name, value)
        if pairs:
            version.save(update_fields=list(pairs))
            audit.record("registry.model_version.described", on=version, changes=pairs, actor=actor)
    return version
