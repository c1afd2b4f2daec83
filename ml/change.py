"""What moved a PD from one score to another: features, shape of input, model version and floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import logit

from ml.bridge import feature_changes
from ml.engine import Engine
from ml.explain import PRIOR_YEARS, PRIOR_YEARS_LABEL, needs_history
from ml.features import STATE_WORST, Array
from ml.inputs import Kind, design_matrix, prepare
from ml.model import ShapeModel
from ml.shapes import SHAPES, described
from ml.words import amount, is_known, percent

Origin = Literal["feature", "history", "shape", "model", "floor"]

_NOTHING = 1e-12
_RICHNESS: tuple[str, ...] = tuple(SHAPES)


@dataclass(frozen=True)
class Side:
    """One of the two scores: what was scored, and the score of record."""

    frame: pd.DataFrame
    """One row of line items and ratios, as the engine takes it."""
    history: pd.DataFrame | None
    shape: str
    pd: float
    pd_raw: float
    same_model: bool = True
    """True when the engine that compares is the model that made this score."""


@dataclass(frozen=True)
class Component:
    """One part of the change."""

    origin: Origin
    name: str
    label: str
    unit: str
    old: float | None
    new: float | None
    effect: float
    """In log-odds; positive raised the PD."""
    points: float
    """Its share of the change of the PD itself (0.01 is one percentage point)."""
    text: str


@dataclass(frozen=True)
class Change:
    """The bridge from one PD to another; the effects of its components add up to `log_odds`."""

    old_pd: float
    new_pd: float
    log_odds: float
    components: tuple[Component, ...]
    text: str


@dataclass(frozen=True)
class _Part:
    origin: Origin
    name: str
    label: str
    effect: float
    cause: str
    unit: str = ""
    old: float | None = None
    new: float | None = None


def change(engine: Engine, *, kind: Kind, old: Side, new: Side) -> Change:
    """Split the change from one score to another exactly, the largest part first.

    The inputs are compared in one model (the engine's) and in one shape: the poorer of the two, in which
    both can be scored. What then remains is given to its cause:

    - *shape*: what each score gains by its own shape over the common one (a market value appeared);
    - *model*: old model to this model on the same inputs, where another version made one of the scores;
    - *floor*: what the floor of the PD added to either.

    Raises
    ------
    ValueError
        If one of the scores has no PD.
    """
    for side in (old, new):
        if not (0.0 < side.pd < 1.0 and 0.0 < side.pd_raw < 1.0):
            raise ValueError("both scores need a PD between 0 and 1")
    record_old, record_new = float(logit(old.pd_raw)), float(logit(new.pd_raw))
    own_old, own_new = _log_odds(engine, kind, old, record_old), _log_odds(engine, kind, new, record_new)
    parts: list[_Part] = []
    rest = own_new - own_old
    common = _common(kind, old, new)
    if common is not None:
        name, row_old, row_new = common
        model = engine.models[name]
        effects = feature_changes(model, row_old, row_new)
        parts += _features(model, row_old, row_new, effects)
        rest -= float(effects.sum())
    if old.shape != new.shape:
        before, after = SHAPES[old.shape].label.lower(), SHAPES[new.shape].label.lower()
        cause = f"The score now rests on other inputs: {after}, before: {before}"
        parts.append(_Part("shape", "shape", "Shape of input", rest, cause))
    model_effect = (own_old - record_old) + (record_new - own_new)
    if not (old.same_model and new.same_model):
        cause = "Another version of the model made the score"
        parts.append(_Part("model", "model", "Model version", model_effect, cause))
    floor_old, floor_new = float(logit(old.pd)) - record_old, float(logit(new.pd)) - record_new
    if max(floor_old, floor_new) > _NOTHING:
        cause = "No PD below the floor is given out"
        parts.append(_Part("floor", "floor", "Floor of the PD", floor_new - floor_old, cause))
    return _assembled(old.pd, new.pd, parts)


def _row(kind: Kind, side: Side, shape: str) -> Array | None:
    """The features of a side in a shape, shape (p,); None where its inputs do not allow it."""
    prepared = prepare(side.frame, kind=kind, history=side.history, shape=shape)
    if prepared.shape[0] != shape:
        return None
    found: Array = design_matrix(SHAPES[shape], prepared, np.array([0]))[0]
    return found


def _log_odds(engine: Engine, kind: Kind, side: Side, record: float) -> float:
    """The raw log-odds of a side in its own shape, as this engine scores it."""
    row = None if side.same_model else _row(kind, side, side.shape)
    return record if row is None else float(engine.models[side.shape].log_odds(row[None, :])[0])


def _common(kind: Kind, old: Side, new: Side) -> tuple[str, Array, Array] | None:
    """The poorer of the two shapes, with both rows in it."""
    ratios = SHAPES["annual_ratios" if kind == "annual" else "quarterly_ratios"].name
    poorer = max(old.shape, new.shape, key=_RICHNESS.index)
    for shape in dict.fromkeys((poorer, ratios)):
        rows = _row(kind, old, shape), _row(kind, new, shape)
        if rows[0] is not None and rows[1] is not None:
            return shape, rows[0], rows[1]
    return None


def _features(model: ShapeModel, old: Array, new: Array, effects: Array) -> Iterator[_Part]:
    """The features that changed; what earlier years tell, when they became known or unknown, is one part."""
    came = needs_history(model.shape.name) & (np.isnan(old) != np.isnan(new))
    if came.any():
        known = bool(np.isnan(old[came]).sum() >= np.isnan(new[came]).sum())
        cause = f"{PRIOR_YEARS_LABEL} are {'now known' if known else 'no longer known'}"
        yield _Part("history", PRIOR_YEARS, PRIOR_YEARS_LABEL, float(effects[came].sum()), cause)
    for column in np.flatnonzero((effects != 0.0) & ~came).tolist():
        spec = described(model.shape, model.shape.features[column])
        before, after = float(old[column]), float(new[column])
        yield _Part(
            "feature",
            spec.name,
            spec.label,
            float(effects[column]),
            _moved(spec.label, spec.unit, before, after),
            spec.unit,
            before if is_known(before) else None,
            after if is_known(after) else None,
        )


def _moved(label: str, unit: str, old: float, new: float) -> str:
    if is_known(old) and is_known(new):
        verb = "rose" if new > old else "fell"
        return f"{label} {verb} from {amount(old, unit)} to {amount(new, unit)}"
    return f"{label} {_was(old, unit)} and {_is(new, unit)}"


def _was(value: float, unit: str) -> str:
    if np.isnan(value):
        return "was not known"
    return "was undefined" if value == STATE_WORST else f"was {amount(value, unit)}"


def _is(value: float, unit: str) -> str:
    if np.isnan(value):
        return "is not known now"
    if value == STATE_WORST:
        return "is now undefined because its denominator is not positive"
    return f"is now {amount(value, unit)}"


def _assembled(old: float, new: float, parts: list[_Part]) -> Change:
    total = float(logit(new) - logit(old))
    # The PD is no sum: its change is handed out in proportion to the log-odds.
    slope = (new - old) / total if abs(total) > 1e-9 else new * (1.0 - new)
    components = tuple(
        Component(
            part.origin,
            part.name,
            part.label,
            part.unit,
            part.old,
            part.new,
            part.effect,
            part.effect * slope,
            f"{part.cause}; that {'raised' if part.effect > 0 else 'lowered'} the PD "
            f"by {percent(abs(part.effect * slope)).replace(' %', ' points')}"
            if abs(part.effect) > _NOTHING
            else f"{part.cause}; that did not move the PD",
        )
        for part in sorted(parts, key=lambda part: -abs(part.effect))
    )
    verb = "rose" if new > old else "fell"
    text = (
        f"The PD is unchanged at {percent(new)}"
        if new == old
        else f"The PD {verb} from {percent(old)} to {percent(new)}"
    )
    return Change(old, new, total, components, text)
