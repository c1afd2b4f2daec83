"""Own models: take a labelled file in, train in the background, score, compare with the champion."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

import pandas as pd
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from companies.sheets import SheetError
from ml.features import LINE_ITEMS
from predictions.models import Prediction
from predictions.own_models import files
from predictions.own_models.models import UNTRAINED, OwnModel, OwnScore, TrainingState
from predictions.services.scoring import RATIOS
from tenants.kernel import audit
from tenants.kernel.copying import copy_rows
from tenants.kernel.errors import Conflict, InvalidInput, TooLarge
from tenants.kernel.files import keep_file, remove_folder
from tenants.kernel.ids import uuid7, uuid7_batch
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor

QUEUE = "score"
# Training waits behind all scoring.
LEAST_URGENT = 9
_BATCH = 5000
INPUT_COLUMNS = frozenset(LINE_ITEMS) | {name for names in RATIOS.values() for name in names}
"""Names under which predictions keep their inputs: columns of these names can be compared."""


def own_model_create(
    *,
    name: str,
    upload: UploadedFile[bytes],
    target: str,
    date: str = "",
    entity: str = "",
    organization_id: UUID,
    actor: Actor,
) -> OwnModel:
    """Check that the labelled file bears a model, keep it, and queue the training.

    Raises InvalidInput with the code and sentence of what is wrong with the file, TooLarge beyond the limits,
    Conflict for a name that is taken.
    """
    from ml.own import SampleError, read_sample  # the tree library takes a second to import

    size = upload.size or 0
    if size > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(f"Files of up to {settings.UPLOAD_MAX_BYTES // 2**20} MB are taken.")
    filename = PurePosixPath((upload.name or "upload").replace("\\", "/")).name[-255:]
    try:
        table = files.read_table(upload, filename)  # type: ignore[arg-type]
        _check_size(len(table))
        read_sample(table, target=target, date=date or None, entity=entity or None)
    except (SheetError, SampleError) as error:
        raise InvalidInput(error.detail, code=error.code) from None
    model_id = uuid7()
    upload.seek(0)
    digest = hashlib.sha256()
    for part in upload.chunks():
        digest.update(part)
    upload.seek(0)
    ending = PurePosixPath(filename).suffix.lower() or ".csv"
    path = keep_file(f"{files.folder(model_id)}/sample{ending}", upload)
    try:
        return _register(
            OwnModel(
                id=model_id,
                organization_id=organization_id,
                name=name.strip(),
                target_column=target,
                date_column=date,
                entity_column=entity,
                original_filename=filename,
                path=path,
                file_sha256=digest.hexdigest(),
                rows=len(table),
                created_by_id=actor.user_id,
            ),
            actor,
        )
    except IntegrityError:
        default_storage.delete(path)
        raise Conflict(f"There is a model named {name.strip()!r} already.", code="duplicate") from None


@transaction.atomic
def _register(model: OwnModel, actor: Actor) -> OwnModel:
    model.save(force_insert=True)
    audit.record(
        "own_models.model.created",
        on=model,
        changes={"file": model.original_filename, "sha256": model.file_sha256, "rows": model.rows},
        actor=actor,
    )
    enqueue("own_models.train", actor=actor, queue=QUEUE, priority=LEAST_URGENT, model_id=str(model.id))
    return model


def _check_size(rows: int) -> None:
    if rows > settings.OWN_MODEL_MAX_ROWS:
        raise TooLarge(
            f"Up to {settings.OWN_MODEL_MAX_ROWS:,} rows are learnt from; this file has {rows:,}.",
            code="too_many_rows",
        )


def own_model_train(*, model_id: UUID, actor: Actor) -> None:
    """Fit and validate. Nothing where it is done already, or the model was deleted meanwhile."""
    from ml.own import SampleError, develop, read_sample

    model = _begin(model_id)
    if model is None:
        return
    with default_storage.open(model.path, "rb") as stored:
        table = files.read_table(stored, model.original_filename)  # type: ignore[arg-type]
    try:
        sample = read_sample(
            table,
            target=model.target_column,
            date=model.date_column or None,
            entity=model.entity_column or None,
        )
    except SampleError as error:
        own_model_fail(
            model_id=model_id, state=TrainingState.REFUSED, code=error.code, message=error.detail, actor=actor
        )
        return
    trained, report = develop(sample)
    with tempfile.TemporaryDirectory() as work:
        sha256 = trained.save(Path(work), report)
        files.keep(files.folder(model_id), Path(work))
    _end(
        model_id,
        {
            "state": TrainingState.READY,
            "columns": list(sample.names),
            "report": report,
            "model_sha256": sha256,
        },
        actor,
    )


@transaction.atomic
def _begin(model_id: UUID) -> OwnModel | None:
    model: OwnModel | None = (
        OwnModel.objects.select_for_update().filter(id=model_id, state__in=UNTRAINED).first()
    )
    if model is not None:
        model.state, model.started_at = TrainingState.TRAINING, timezone.now()
        model.save(update_fields=["state", "started_at"])
    return model


def own_model_fail(*, model_id: UUID, state: TrainingState, code: str, message: str, actor: Actor) -> None:
    """End a training that brought no model, with a sentence for its owner."""
    _end(model_id, {"state": state, "error_code": code, "error_message": message[:300]}, actor)


@transaction.atomic
def _end(model_id: UUID, values: dict[str, Any], actor: Actor) -> None:
    model = OwnModel.objects.select_for_update().filter(id=model_id).first()
    if model is None:
        remove_folder(files.folder(model_id))
        return
    for name, value in values.items():
        setattr(model, name, value)
    model.completed_at = timezone.now()
    model.save()
    audit.record(f"own_models.model.{model.state}", on=model, actor=actor)


def score_table(model: OwnModel, table: pd.DataFrame) -> pd.DataFrame:
    """PDs of the rows of a table with the model's columns: pd, low, high, members, share of missing columns.

    Raises Conflict while the model is not ready, InvalidInput where none of its columns is there.
    """
    if model.state != TrainingState.READY:
        raise Conflict("The model is not ready.", code="not_ready")
    if not set(model.columns) & set(table.columns):
        raise InvalidInput(
            f"None of the model's columns is there; it reads {', '.join(model.columns[:5])}.",
            code="no_known_columns",
        )
    scores = files.load(model.id, model.model_sha256).score(table)
    return pd.DataFrame(
        {"pd": scores.pd, "low": scores.low, "high": scores.high, **scores.members, "missing": scores.missing}
    )


def score_upload(model: OwnModel, upload: UploadedFile[bytes]) -> pd.DataFrame:
    """PDs of the rows of a file, with the row each has in it.

    Raises InvalidInput for a file that is no table or lacks every column, TooLarge beyond the limits.
    """
    if (upload.size or 0) > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(f"Files of up to {settings.UPLOAD_MAX_BYTES // 2**20} MB are taken.")
    try:
        table = files.read_table(upload, upload.name or "upload")  # type: ignore[arg-type]
    except SheetError as error:
        raise InvalidInput(error.detail, code=error.code) from None
    _check_size(len(table))
    scored = score_table(model, table)
    scored.insert(0, "row", table.index)
    return scored


@transaction.atomic
def own_model_compare_request(*, model: OwnModel, actor: Actor) -> None:
    """Have the model score the organization's current predictions beside the champion.

    Raises Conflict where it is not ready or none of its columns is an input of predictions.
    """
    if model.state != TrainingState.READY:
        raise Conflict("The model is not ready.", code="not_ready")
    if not INPUT_COLUMNS & set(model.columns):
        raise Conflict(
            "None of its columns is an input of predictions: name them as the portfolio files do.",
            code="not_comparable",
        )
    audit.record("own_models.model.compared", on=model, actor=actor)
    enqueue("own_models.compare", actor=actor, queue=QUEUE, priority=LEAST_URGENT, model_id=str(model.id))


@transaction.atomic
def own_model_compare(*, model_id: UUID) -> int:
    """Replace the model's scores of the organization's current predictions; gives how many there are."""
    model = OwnModel.objects.select_for_update().filter(id=model_id, state=TrainingState.READY).first()
    if model is None:
        return 0
    OwnScore.objects.filter(own_model=model).delete()
    rows = (
        Prediction.objects.filter(organization_id=model.organization_id, current__isnull=False)
        .order_by("id")
        .values_list("id", "pd", "current__inputs")
    )
    written = 0
    batch: list[tuple[UUID, float, dict[str, Any]]] = []
    for row in rows.iterator(chunk_size=_BATCH):
        batch.append(row)
        if len(batch) == _BATCH:
            written += _write(model, batch)
            batch = []
    written += _write(model, batch) if batch else 0
    model.compared_at = timezone.now()
    model.save(update_fields=["compared_at"])
    return written


def _write(model: OwnModel, batch: list[tuple[UUID, float, dict[str, Any]]]) -> int:
    """Scores of the predictions that have any of the model's columns."""
    table = pd.DataFrame(
        [{**inputs.get("statement", {}), **inputs.get("ratios", {})} for _, _, inputs in batch]
    ).reindex(columns=model.columns)
    usable = table.notna().any(axis=1).to_numpy()
    if not usable.any():
        return 0
    scored = score_table(model, table[usable])
    chosen = [row for row, use in zip(batch, usable, strict=True) if use]
    now = timezone.now()
    copy_rows(
        OwnScore,
        organization_id=model.organization_id,
        fields=("id", "own_model", "prediction", "pd", "champion_pd", "missing", "created_at"),
        rows=[
            (identifier, model.id, prediction, pd_, champion, missing, now)
            for identifier, (prediction, champion, _), pd_, missing in zip(
                uuid7_batch(len(chosen)), chosen, scored["pd"], scored["missing"], strict=True
            )
        ],
    )
    return len(chosen)


@transaction.atomic
def own_model_delete(*, model: OwnModel, actor: Actor) -> None:
    """Remove a model with its file, its folder and what it scored.

    Raises Conflict while it is being trained.
    """
    locked: OwnModel = OwnModel.objects.select_for_update().get(id=model.id)
    if locked.state == TrainingState.TRAINING:
        raise Conflict("The model is being trained; delete it afterwards.", code="in_training")
    audit.record("own_models.model.deleted", on=locked, actor=actor)
    place = files.folder(locked.id)
    locked.delete()
    transaction.on_commit(lambda: remove_folder(place))
