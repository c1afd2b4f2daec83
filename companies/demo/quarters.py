"""The quarters of a made-up year: flows that add up to it, and books that lead to its last ones."""

from __future__ import annotations

import numpy as np

from companies.demo.books import Books, Flows, Year
from companies.demo.life import Profile


def _split(total: int, weights: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[int]:
    """Whole parts of a total, close to the weights; they add up exactly."""
    ends = [round(total * share) for share in np.cumsum(weights / weights.sum()).tolist()]
    ends[-1] = total
    return [end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def quarters_of(profile: Profile, before: Year, year: Year, rng: np.random.Generator) -> list[Year]:
    """The four quarters of a year: flows add up to the year's, the last books are the year's."""
    season = np.array(profile.season) * rng.lognormal(0.0, 0.03, 4)
    parts: dict[str, list[int]] = {}
    for name in Flows.__dataclass_fields__:
        seasonal = name in {"sales", "cost", "operating_cash"}
        weights = (season if seasonal else np.full(4, 0.25)) * rng.lognormal(0.0, 0.01, 4)
        # Write-downs come with the yearly test for impairment.
        parts[name] = _split(
            getattr(year.flows, name), weights if name != "unusual" else np.array([0.0, 0.0, 0.0, 1.0])
        )
    quarters: list[Year] = []
    retained = before.books.retained
    for quarter in range(4):
        flows = Flows(**{name: values[quarter] for name, values in parts.items()})
        retained += flows.net_income - flows.dividends
        share = (quarter + 1) / 4
        if quarter == 3:
            quarters.append(Year(flows, year.books, year.market_value))
            break
        books = _between(before.books, year.books, share, rng)
        books.retained = retained
        books.balance()
        value = before.market_value ** (1 - share) * year.market_value**share * rng.lognormal(0.0, 0.06)
        quarters.append(Year(flows, books, round(value)))
    return quarters


def _between(old: Books, new: Books, share: float, rng: np.random.Generator) -> Books:
    def along(name: str) -> int:
        start: int = getattr(old, name)
        end: int = getattr(new, name)
        wobble = rng.normal(1.0, 0.03) if name in {"receivables", "inventory", "payables"} else 1.0
        return round((start + (end - start) * share) * float(wobble))

    books = Books(**{name: along(name) for name in Books.__dataclass_fields__})
    books.other_assets = max(old.other_assets, new.other_assets)
    return books
