"""A model as a folder of plain files: boosters in XGBoost's format, the rest JSON, each with its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from ml.device import usable
from ml.drift import from_json as reference_from_json
from ml.estimators import BoundedLogistic
from ml.model import Affine, Development, ShapeModel
from ml.shapes import MEMBERS, SHAPES, Shape
from ml.term import from_json

DEFAULT_PATH = Path(__file__).parent / "artifacts" / "default"
MANIFEST = "model.json"
CARD, EVIDENCE = "card.json", "validation.json"
DOCUMENTS = "documents.json"
FORMAT = 1


class ArtifactError(Exception):
    """A model folder that must not be used: a file is missing, altered, unlisted or of another format."""


@dataclass(frozen=True)
class Artifact:
    """A loaded model folder."""

    manifest: Mapping[str, Any]
    models: Mapping[str, ShapeModel]
    sha256: str
    """Hash of the manifest, which holds the hash of every other file: it identifies the model."""


def save(folder: Path, models: Mapping[str, ShapeModel], manifest: Mapping[str, Any]) -> str:
    """Write the model and return the manifest's sha256."""
    files = {
        f"{name}/{file}": content for name, model in models.items() for file, content in _files(model).items()
    }
    return write_folder(folder, files, manifest)


def write_folder(folder: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> str:
    """Write files with a manifest that holds the hash of each, and return the manifest's own sha256."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    text = json.dumps({"format": FORMAT, **manifest, "files": hashes}, indent=1, sort_keys=True) + "\n"
    (folder / MANIFEST).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def _files(model: ShapeModel) -> dict[str, bytes]:
    logistic = {**learnt(model.logistic), "centre": model.centre.tolist()}
    calibration = {
        "members": {
            name: {
                "slope": model.calibration[name].slope,
                "intercept": model.calibration[name].intercept,
                "weight": model.weights[name],
            }
            for name in MEMBERS
        },
        "intercept": model.intercept,
        "gap_shift": model.gap_shift.tolist(),
        "sigma": model.sigma,
    }
    development = {
        name: values.tolist() for name, values in vars(model.development).items() if values is not None
    }
    term = {} if model.term is None else {TERM: as_json(model.term.as_json())}
    reference = {} if model.reference is None else {REFERENCE: as_json(model.reference.as_json())}
    return {
        **term,
        **reference,
        "random_forest.ubj": bytes(model.forest.save_raw("ubj")),
        "gradient_boosting.ubj": bytes(model.boosting.save_raw("ubj")),
        "logistic.json": as_json(logistic),
        "calibration.json": as_json(calibration),
        "development.json": as_json(development),
    }


def learnt(logistic: BoundedLogistic) -> dict[str, Any]:
    """What the logistic member has learnt, ready for JSON."""
    return {
        "knots": [knots.tolist() for knots in logistic.knots_],
        "coef": logistic.coef_.tolist(),
        "intercept": logistic.intercept_,
    }


def as_json(content: Mapping[str, Any]) -> bytes:
    """Content as the bytes of a JSON file, the same for the same content."""
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def load(folder: Path | None = None, *, nthread: int = 1, device: str = "cpu") -> Artifact:
    """A model folder with every hash checked.

    Raises
    ------
    ArtifactError
        If the folder, a file or a hash is not as the manifest says; the text names the file.
    """
    folder = Path(folder) if folder is not None else DEFAULT_PATH
    manifest, contents, sha256 = read_folder(folder)
    models = {}
    for name, spec in manifest["shapes"].items():
        shape = SHAPES.get(name)
        if shape is None or list(shape.features) != spec["features"]:
            raise ArtifactError(f"the features of shape {name!r} are not those of this version of the engine")
        try:
            parts = {key: contents[f"{name}/{key}"] for key in _PARTS}
            parts |= {key: contents[f"{name}/{key}"] for key in _MORE if f"{name}/{key}" in contents}
            models[name] = _model(shape, parts, nthread)
        except KeyError as error:
            raise ArtifactError(f"the model's shape {name!r} lacks {error}") from error
    found = usable(device)
    if found != "cpu":
        for model in models.values():
            model.forest.set_param({"device": found})
            model.boosting.set_param({"device": found})
    return Artifact(manifest, models, sha256)


def list_documents(folder: Path) -> dict[str, str]:
    """Write down beside a model its own hash and those of what was written about it; return the latter."""
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (EVIDENCE, CARD)
        if (folder / name).is_file()
    }
    model = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    listing = {"model_sha256": model, "files": files}
    (folder / DOCUMENTS).write_text(json.dumps(listing, indent=1, sort_keys=True) + "\n")
    return files


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, bytes], str]:
    """Manifest, files by name, and the manifest's sha256, with every hash checked.

    Raises
    ------
    ArtifactError
        If the manifest, a file or a hash is not as it must be; the text names the file.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise ArtifactError(f"no model at {folder}: {MANIFEST} cannot be read") from error
    try:
        manifest: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise ArtifactError(f"{MANIFEST} of {folder} is not JSON") from error
    if manifest.get("format") != FORMAT:
        raise ArtifactError(f"model format {manifest.get('format')!r} is not {FORMAT}")
    contents = {name: _checked(folder, name, digest) for name, digest in manifest["files"].items()}
    return manifest, contents, hashlib.sha256(text).hexdigest()


_PARTS = (
    "random_forest.ubj",
    "gradient_boosting.ubj",
    "logistic.json",
    "calibration.json",
    "development.json",
)
TERM = "term.json"
REFERENCE = "reference.json"
_MORE = (TERM, REFERENCE)


def _checked(folder: Path, name: str, digest: str) -> bytes:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ArtifactError(f"the model lists a file outside its folder: {name}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"the model's file {name} cannot be read") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise ArtifactError(f"the model's file {name} is not the one that was released (sha256 differs)")
    return content


def booster(content: bytes, nthread: int) -> xgb.Booster:
    """Trees from XGBoost's own format."""
    trees = xgb.Booster({"nthread": nthread})
    trees.load_model(bytearray(content))
    trees.set_param({"nthread": nthread})
    return trees


def restored(logistic: BoundedLogistic, kept: Mapping[str, Any]) -> BoundedLogistic:
    """The logistic member with what it had learnt."""
    logistic.knots_ = [np.array(knots, dtype=np.float64) for knots in kept["knots"]]
    logistic.coef_ = np.array(kept["coef"], dtype=np.float64)
    logistic.intercept_ = float(kept["intercept"])
    logistic.classes_ = np.array([0.0, 1.0])
    logistic.n_features_in_ = len(logistic.knots_)
    return logistic


def _model(shape: Shape, parts: Mapping[str, bytes], nthread: int) -> ShapeModel:
    linear = json.loads(parts["logistic.json"])
    blend = json.loads(parts["calibration.json"])
    seen = json.loads(parts["development.json"])
    logistic = restored(BoundedLogistic(directions=shape.directions, **shape.logistic), linear)
    members = blend["members"]
    return ShapeModel(
        shape=shape,
        forest=booster(parts["random_forest.ubj"], nthread),
        boosting=booster(parts["gradient_boosting.ubj"], nthread),
        logistic=logistic,
        centre=np.array(linear["centre"], dtype=np.float64),
        calibration={name: Affine(members[name]["slope"], members[name]["intercept"]) for name in MEMBERS},
        weights={name: members[name]["weight"] for name in MEMBERS},
        intercept=blend["intercept"],
        gap_shift=np.array(blend["gap_shift"], dtype=np.float64),
        sigma=blend["sigma"],
        development=Development(**{key: np.array(seen[key], dtype=np.float64) for key in seen}),
        term=from_json(json.loads(parts[TERM])) if TERM in parts else None,
        reference=reference_from_json(json.loads(parts[REFERENCE])) if REFERENCE in parts else None,
    )
