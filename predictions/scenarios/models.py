"""Scenarios that people keep, and what became of a portfolio under one."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from companies.models import Company
from predictions.models import RiskLevel
from tenants.kernel.owned import OrganizationOwned


class Scenario(OrganizationOwned):
    """A set of shocks with the rules by which the statement follows them."""

    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, max_length=2000)
    shocks = models.JSONField(default=list, help_text="List of kind, mode and value.")
    assumptions = models.JSONField(default=dict, help_text="What differs from the usual rules.")
    sector_factors = models.JSONField(default=dict, help_text="How much stronger it hits a sector.")
    shared = models.BooleanField(default=True, help_text="Colleagues see it; else only who made it.")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="scenario_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class RunState(models.TextChoices):
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class ScenarioRun(OrganizationOwned):
    """One scenario over many names, as it was when it ran."""

    # The scenario may be changed or removed: what ran stands here.
    scenario = models.ForeignKey(Scenario, on_delete=models.SET_NULL, null=True, related_name="runs")
    name = models.CharField(max_length=120)
    definition = models.JSONField(help_text="Shocks, rules and factors by sector as they ran.")
    kind = models.CharField(max_length=10)
    selection = models.JSONField(default=dict, help_text="Companies by id, a sector, or everything.")
    lgd = models.FloatField(default=0.45, help_text="Loss given default of the expected loss, 0 to 1.")
    state = models.CharField(max_length=8, choices=RunState.choices, default=RunState.RUNNING)
    model_version_id = models.UUIDField()
    model_sha256 = models.CharField(max_length=64)
    names = models.PositiveIntegerField(default=0, help_text="Companies that were to be looked at.")
    done = models.PositiveIntegerField(default=0)
    # Companies are taken in the order of their ids; the last one taken.
    reached_id = models.UUIDField(null=True, editable=False)
    summary = models.JSONField(default=dict)
    error_message = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="scenario_run_newest")]

    def __str__(self) -> str:
        return f"{self.name}, {self.created_at:%Y-%m-%d}"


class RunResult(OrganizationOwned):
    """One company under the scenario, beside its base."""

    run = models.ForeignKey(ScenarioRun, on_delete=models.CASCADE, related_name="results", db_index=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")
    score_id = models.UUIDField(help_text="The score whose inputs were shocked.")
    fiscal_year = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=12, help_text="scored, or why not: ratios_only, not_scorable.")
    base_pd = models.FloatField(null=True)
    pd = models.FloatField(null=True)
    change = models.FloatField(null=True, help_text="PD under the scenario less the base.")
    base_level = models.CharField(max_length=8, choices=RiskLevel.choices, blank=True)
    level = models.CharField(max_length=8, choices=RiskLevel.choices, blank=True)
    exposure = models.FloatField(null=True, help_text="Total debt of the base, USD millions.")
    notes = models.JSONField(default=list)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-change", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "company"], name="scenario_result_once")]
        indexes = [models.Index(fields=["run", "-change", "id"], name="scenario_result_worst")]

    def __str__(self) -> str:
        return f"{self.company_id}: {self.base_pd} to {self.pd}"
