"""Evidence on the development sample: what is in it, what was left out, how missing values are treated."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.dataset import FirmYears
from ml.features import LINE_ITEMS, clean_items
from ml.fitting import FIRST_ORIGIN, FIT_FROM


def sample(data: FirmYears) -> dict[str, Any]:
    """Counts by year with the use made of each, exclusions, and the cells that were made missing."""
    cleaned, _ = clean_items(data.items)
    items = []
    for name, values in data.items.items():
        given = ~np.isnan(values)
        items.append(
            {
                "name": name,
                "label": LINE_ITEMS[name].label,
                "missing": int((~given).sum()),
                "made_missing": int((given & np.isnan(cleaned[name])).sum()),
            }
        )
    early = data.year < FIT_FROM
    known = [int((~np.isnan(year["total_assets"])).sum()) for year in data.years]
    return {
        "sha256": data.digest,
        "firm_years": len(data),
        "companies": len(np.unique(data.company)),
        "defaults": int(data.default.sum()),
        "first_year": int(data.year.min()),
        "last_year": int(data.year.max()),
        "fit_from": FIT_FROM,
        "first_origin": FIRST_ORIGIN,
        "by_year": [
            {
                "year": int(year),
                "names": int((data.year == year).sum()),
                "defaults": int(data.default[data.year == year].sum()),
                "use": _use(int(year)),
            }
            for year in np.unique(data.year)
        ],
        "excluded": [
            {
                "what": f"Fiscal years before {FIT_FROM} (defaults under-recorded): prior years only",
                "names": int(early.sum()),
                "defaults": int(data.default[early].sum()),
            },
            {"what": "Single firm-years (outliers, small firms, short histories)", "names": 0, "defaults": 0},
        ],
        "prior_years_known": [count / len(data) for count in known],
        "items": items,
    }


def _use(year: int) -> str:
    if year < FIT_FROM:
        return "prior years only"
    return "fitted" if year < FIRST_ORIGIN else "fitted and predicted out of time"
