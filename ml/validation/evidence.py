"""The evidence of a model version: every aggregate that its report needs, and no row of the data.

It is counted once, where the development data is, and kept beside the model as `validation.json`. Reports
are made from it anywhere. `documents.json` beside it holds the hashes of what was written about the model and
the hash of the model that it is about.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
import sklearn
import xgboost

from ml.dataset import FirmYears
from ml.fitting import SEED, Workshop
from ml.masterscale import MasterScale, default_scale
from ml.persistence import DOCUMENTS, EVIDENCE, MANIFEST, ArtifactError, list_documents
from ml.shapes import SHAPES
from ml.validation import accuracy, power, stability
from ml.validation.sample import sample
from ml.validation.study import study, without_nan
from ml.validation.variables import variables

SCHEMA = 1
REPEATS = 500
# Whoever brings ratios only has no statement to compute a classic score from.
WITH_CLASSICS = frozenset({"statement", "statement_market"})

Say = Callable[[str], None]


def collect(
    data: FirmYears,
    manifest: Mapping[str, Any],
    *,
    workshops: Mapping[str, Workshop] | None = None,
    scale: MasterScale | None = None,
    repeats: int = REPEATS,
    nthread: int = 1,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Everything that is counted from the data, ready for JSON.

    Parameters
    ----------
    data : FirmYears
        The development data.
    manifest : mapping
        The model's manifest; its `protocol` says what was kept apart.
    workshops : mapping of shape name to Workshop, optional
        Workshops that the training has used: their fits are not made again.
    scale : MasterScale, optional
        The master scale to judge by (default: the platform's).
    repeats : int
        Draws of each bootstrap.
    """
    protocol = manifest["protocol"]
    shapes = {}
    for name in manifest["shapes"]:
        shop = (workshops or {}).get(name) or Workshop(SHAPES[name], data, nthread)
        shapes[name] = shape_evidence(shop, protocol, scale=scale, repeats=repeats)
        say(f"{name}: evidence counted")
    found: dict[str, Any] = without_nan(
        {
            "schema": SCHEMA,
            "sample": sample(data),
            "shapes": shapes,
            "reproducibility": {
                "seed": SEED,
                "bootstrap_repeats": repeats,
                "bootstrap_seed": 0,
                "code": code_version(),
                "libraries": libraries(),
                "command": "python -m ml.validation --data DATA --model FOLDER --output DIR",
                "training": "python -m ml.train --data DATA --out FOLDER",
            },
        }
    )
    return found


def shape_evidence(
    shop: Workshop, protocol: Mapping[str, Any], *, scale: MasterScale | None = None, repeats: int = REPEATS
) -> dict[str, Any]:
    """The evidence of one input shape."""
    found = study(
        shop,
        last_selection_year=protocol["last_selection_year"],
        report_years=protocol["report_years"],
    )
    scale = scale or default_scale()
    classics = shop.shape.name in WITH_CLASSICS
    return {
        "label": shop.shape.label,
        "variables": variables(found),
        "power": power.power(found, repeats=repeats),
        "benchmarks": power.benchmarks(found, repeats=repeats) if classics else [],
        "complexity": power.complexity(found, repeats=repeats),
        "calibration": accuracy.calibration(found, scale),
        "interval": accuracy.interval(found),
        "drift": stability.drift(found),
        "migration": stability.migration(found, scale),
        "cycle": stability.cycle(found),
    }


def libraries() -> dict[str, str]:
    """Versions of what the figures depend on."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "xgboost": xgboost.__version__,
    }


def code_version() -> dict[str, str]:
    """Hash of the engine's source files, and the commit where there is a repository."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        if "tests" not in path.relative_to(root).parts:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    found = {"ml_sha256": digest.hexdigest()}
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git there is
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return found
    return {**found, "commit": asked.stdout.strip()}


def keep(folder: Path, evidence: Mapping[str, Any]) -> str:
    """Write the evidence beside the model, list it with its hash, and return the hash."""
    text = json.dumps(evidence, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"
    (folder / EVIDENCE).write_text(text)
    return list_documents(folder)[EVIDENCE]


def kept(folder: Path) -> dict[str, Any] | None:
    """The evidence beside a model; None where there is none.

    Raises
    ------
    ArtifactError
        If it is not the one that was listed, or is about another model.
    """
    listing, text = folder / DOCUMENTS, folder / EVIDENCE
    if not listing.is_file() or not text.is_file():
        return None
    listed = json.loads(listing.read_bytes())
    if listed.get("model_sha256") != hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest():
        raise ArtifactError(f"{EVIDENCE} is about another model: make it again")
    content = text.read_bytes()
    if listed.get("files", {}).get(EVIDENCE) != hashlib.sha256(content).hexdigest():
        raise ArtifactError(f"{EVIDENCE} is not the one that was listed (sha256 differs)")
    found: dict[str, Any] = json.loads(content)
    return found
