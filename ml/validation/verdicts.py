"""The verdicts of a report: one light for each question, by rules that are stated and not by judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Light = Literal["green", "amber", "red", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """The answer to one question for one input shape."""

    code: str
    question: str
    light: Light
    figure: str
    rule: str
    section: str


RULES: Mapping[str, tuple[str, str, str]] = {
    "discrimination": (
        "Does it rank companies it has not seen?",
        "Lower 95 % bound of the AUC on the years kept apart: green from 0.75, amber from 0.65.",
        "7",
    ),
    "lead": (
        "Is it better than the best Altman score?",
        "95 % interval of the AUC gained on the same rows: green when above zero, amber when it holds zero.",
        "7",
    ),
    "worsening": (
        "Is it as good on the latest years as before?",
        "AUC of the years kept apart less that of the rolling origins: green from -0.03, amber from -0.08.",
        "7",
    ),
    "level": (
        "Is the mean PD right?",
        "Default rate on the years kept apart by Jeffreys, two-sided: green from p 0.05, amber from 0.01.",
        "8",
    ),
    "grades": (
        "Is each grade's PD right?",
        "Probability of so many grades rejected at 5 % if all hold: green from 0.05, amber from 0.01.",
        "8",
    ),
    "hosmer_lemeshow": (
        "Do PDs and rates agree over the tenths?",
        "Hosmer-Lemeshow on the years kept apart: green from p 0.05, amber from 0.01.",
        "8",
    ),
    "signs": (
        "Does each variable act as economics says?",
        "Share of swept companies for which each bound variable is monotone: green at 100 %, amber 99 %.",
        "5",
    ),
    "redundancy": (
        "Do variables repeat each other?",
        "Variance inflation on ranks: green when none above 10, else amber: trees and bounded coefficients "
        "bear it, explanations share it out.",
        "6",
    ),
    "concentration": (
        "Are names spread over the grades?",
        "Largest grade over the rolling origins: green up to 30 % of names, amber up to 45 %.",
        "9",
    ),
    "stability": (
        "Is the score's distribution stable?",
        "Latest PSI of the score: green below 0.10 or its chance limit, amber below 0.25.",
        "11",
    ),
    "interval": (
        "Does the 90 % interval cover?",
        "Clopper-Pearson interval of the coverage: green when it holds 0.90, amber when within 0.05 of it.",
        "13",
    ),
    "complexity": (
        "Does complexity pay?",
        "95 % interval of the ensemble's AUC over the logistic model's: green when above zero on the years "
        "kept apart, amber when over the rolling origins only.",
        "12",
    ),
}
ORDER: Mapping[Light, int] = {"green": 0, "unknown": 1, "amber": 2, "red": 3}


def _steps(value: float | None, green: float, amber: float, *, least: bool = True) -> Light:
    if value is None:
        return "unknown"
    if least:
        return "green" if value >= green else ("amber" if value >= amber else "red")
    return "green" if value <= green else ("amber" if value <= amber else "red")


def verdicts(shape: Mapping[str, Any]) -> list[Verdict]:
    """The lights of one input shape, in the order of the report's sections."""
    power, report = shape["power"]["samples"], shape["calibration"]["report"]
    found: list[Verdict] = []

    def say(code: str, light: Light, figure: str) -> None:
        question, rule, section = RULES[code]
        found.append(Verdict(code, question, light, figure, rule, section))

    kept, rolled = power.get("report", {}).get("ensemble"), power.get("rolling", {}).get("ensemble")
    if kept:
        figure = f"AUC {kept['auc']:.3f} ({kept['auc_low']:.3f} to {kept['auc_high']:.3f})"
        say("discrimination", _steps(kept["auc_low"], 0.75, 0.65), figure)
    if altman := [row for row in shape["benchmarks"] if row["name"].startswith("altman")]:
        best = max(altman, key=lambda row: row["auc"])
        light: Light = "green" if best["lead_low"] > 0 else ("amber" if best["lead_high"] > 0 else "red")
        span = f"{200 * best['lead_low']:+.1f} to {200 * best['lead_high']:+.1f}"
        say("lead", light, f"{200 * best['lead']:+.1f} points of accuracy ratio ({span})")
    if kept and rolled:
        change = kept["auc"] - rolled["auc"]
        say("worsening", _steps(change, -0.03, -0.08), f"{change:+.3f} AUC")
    p_value = report["jeffreys_p"]
    both = 2 * min(p_value, 1 - p_value)
    level = f"mean PD {report['mean_pd']:.2%}, rate {report['default_rate']:.2%} (p {both:.2f})"
    say("level", _steps(both, 0.05, 0.01), level)
    say("grades", _steps(report["rejected_grades_p"], 0.05, 0.01), f"{report['rejected_grades']} rejected")
    fit = report["hosmer_lemeshow"]
    say("hosmer_lemeshow", _steps(fit["p"], 0.05, 0.01), f"{fit['statistic']:.1f} (p {fit['p']:.2f})")
    _variables(shape, say)
    largest = shape["calibration"]["rolling"]["largest_grade"]
    index = shape["calibration"]["rolling"]["herfindahl"]
    say(
        "concentration",
        _steps(largest, 0.30, 0.45, least=False),
        f"largest grade {largest:.0%}, Herfindahl {index:.2f}",
    )
    if shape["drift"]:
        last = shape["drift"][-1]
        quiet = max(0.10, last["limit"])
        figure = f"PSI {last['psi']:.3f} in {last['year']} (chance limit {last['limit']:.3f})"
        say("stability", _steps(last["psi"], quiet, 0.25, least=False), figure)
    held = shape["interval"]
    miss = max(held["low"] - 0.9, 0.9 - held["high"], 0.0)
    covered = f"{held['share']:.0%} of {held['cells']} cells ({held['low']:.0%} to {held['high']:.0%})"
    say("interval", _steps(miss, 0.0, 0.05, least=False), covered)
    _complexity(shape["complexity"], say)
    return found


def _variables(shape: Mapping[str, Any], say: Any) -> None:
    table = shape["variables"]["table"]
    bound = [row for row in table if row["direction"]]
    worst = min((row["monotone"] for row in bound), default=None)
    wrong = sum(row["sign"] not in (0, row["direction"]) for row in bound)
    light = _steps(worst, 1.0, 0.99)
    say("signs", "red" if wrong else light, f"{len(bound)} bound, {wrong} with another sign")
    high = sum(row["vif"] > 10 for row in table)
    say("redundancy", "amber" if high else "green", f"{high} of {len(table)} above 10")


def _complexity(found: Mapping[str, Any], say: Any) -> None:
    last = next((row for row in found["ladder"] if row["name"] == "ensemble"), None)
    if last is None:
        return
    gain = last["gain"]
    over_time = next(row["gain"] for row in found["rolling"] if row["name"] == "ensemble")
    light: Light = "green" if gain["low"] > 0 else ("amber" if over_time["low"] > 0 else "red")
    say("complexity", light, f"{gain['value']:+.3f} AUC ({gain['low']:+.3f} to {gain['high']:+.3f})")
