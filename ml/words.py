"""Values of features in plain language."""

from __future__ import annotations

import numpy as np

from ml.features import STATE_WORST


def amount(value: float, unit: str) -> str:
    """A feature's value with its unit, as people write it; a logarithm as what it is the logarithm of."""
    if unit == "log USD m":
        return f"{_grouped(float(np.exp(value)))} USD million"
    if unit == "log x":
        return f"{float(np.exp(value / 100.0)):,.2f}x"
    if unit == "log %":
        return f"{_grouped(100.0 * float(np.expm1(value / 100.0)))} %"
    if unit == "%":
        return f"{_grouped(value)} %"
    return f"{_grouped(value)} points" if unit == "points" else f"{value:,.2f}x"


def percent(pd_: float) -> str:
    """A PD in percent, with the digits that matter."""
    shown = 100.0 * pd_
    return f"{shown:.1f} %" if shown >= 1 else f"{shown:.2f} %" if shown >= 0.1 else f"{shown:.3f} %"


def is_known(value: float) -> bool:
    """Whether a feature's value is a number, not missing and not undefined."""
    return not np.isnan(value) and value != STATE_WORST


def _grouped(value: float) -> str:
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"
