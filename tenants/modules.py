"""Feature modules: parts of the platform that can be switched off for one institution.

A module that is off answers 404 with the code ``module_off``, its console pages are gone, and its
operations are missing from the description of the API that the institution is given. An endpoint names
its module by ``module`` (or ``action_modules``), a console page by ``module``, a service or task asks
``require``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenants.kernel.context import current_tenant, in_a_tenant
from tenants.kernel.errors import ModuleOff


@dataclass(frozen=True, slots=True)
class Module:
    """One part that can be switched off."""

    code: str
    name: str
    about: str
    # Whether the institution itself may switch it; the platform always may.
    own_choice: bool = True


MODULES: dict[str, Module] = {
    module.code: module
    for module in (
        Module("bulk_scoring", "Scoring files", "Uploading files of companies and scoring them in jobs."),
        Module("imports", "Imports", "Files of companies and statements, mapped and taken in by jobs."),
        Module("exports", "Exports", "Results, predictions and reports as files."),
        Module("api_keys", "API keys", "Keys for programs, instead of a person's log-in."),
        Module("sso", "Single sign-on", "Signing in by the institution's identity provider.", False),
        Module("joining", "Ways to join", "Whitelist, join links, codes and invitations."),
        Module("own_models", "Own models", "Models trained on the institution's own outcomes.", False),
        Module("model_governance", "Model governance", "Registry, validation reports and approvals."),
        Module("connectors", "Connectors", "Statements taken from folders, buckets and services."),
        Module("scenarios", "Scenarios", "What-if of companies and portfolios, and ways to be better."),
        Module("comparison", "Comparison", "Benchmarks of an industry, rankings, migration, distribution."),
        Module("monitoring", "Model monitoring", "Outcomes, drift and alerts."),
    )
}


def is_on(code: str) -> bool:
    """Whether the module is on where the code runs; outside any tenant everything is."""
    if code not in MODULES:
        raise KeyError(code)
    return not in_a_tenant() or code not in current_tenant().settings.modules_off


def require(code: str | None) -> None:
    """Go on only where the module is on; raises ModuleOff."""
    if code is not None and not is_on(code):
        raise ModuleOff()
