"""Rows for tests. Call them inside a tenant and a scope, as the code under test does."""

from __future__ import annotations

from datetime import date, time, timedelta

import factory
from django.utils import timezone

from accounts.api_keys.models import ApiKey
from accounts.models import Profile, User
from companies.connectors.kinds.file_drop import FileDropConnector
from companies.connectors.models import Document, Run, RunState, Source, Trigger
from companies.imports.models import ColumnMapping, Import, ImportChunk, ImportEffect, ImportIssue
from companies.lists.models import Note, Watchlist
from companies.models import Company, CustomField, Statement
from organizations.joining.models import Invitation, JoinLink, WhitelistEntry
from organizations.joining.tokens import digest_of, new_token, sealed
from organizations.notices.models import Notice
from predictions.dry_runs.models import DryRun
from predictions.exporting.models import Export
from predictions.flags.models import Flag
from predictions.models import (
    JobChunk,
    Prediction,
    PredictionKind,
    RowIssue,
    Score,
    ScoringJob,
    Severity,
)
from predictions.monitoring.models import Alert, Observation, Outcome
from predictions.own_models.models import OwnModel
from predictions.rescoring.models import RescorePart, RescoreRun
from predictions.scenarios.models import RunResult, Scenario, ScenarioRun
from predictions.schedules.models import Run as ScheduledRun
from predictions.schedules.models import Schedule
from tenants.kernel.ids import uuid7

SHA = "0" * 64


class CompanyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Company

    symbol = factory.Sequence(lambda n: f"CO{n}")
    name = factory.Sequence(lambda n: f"Company {n}")
    sector = "Technology"


class CustomFieldFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CustomField

    name = factory.Sequence(lambda n: f"field_{n}")
    label = factory.Sequence(lambda n: f"Field {n}")
    kind = "text"


class WatchlistFactory(factory.django.DjangoModelFactory):
    """A list that somebody shares."""

    class Meta:
        model = Watchlist

    name = factory.Sequence(lambda n: f"List {n}")
    shared = True


class NoteFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Note

    company = factory.SubFactory(CompanyFactory, organization=factory.SelfAttribute("..organization"))
    text = "Cash is short."


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """A key of somebody, somewhere; its secret is nobody's."""

    class Meta:
        model = ApiKey

    name = factory.Sequence(lambda n: f"Key {n}")
    hint = "drp_live_AAAAAA"
    secret_hash = factory.Sequence(lambda n: f"{n:064}")
    scopes = factory.LazyFunction(lambda: ["companies.read"])
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=90))


class StatementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Statement

    company = factory.SubFactory(CompanyFactory, organization=factory.SelfAttribute("..organization"))
    kind = PredictionKind.ANNUAL
    fiscal_year = 2024
    total_assets = 1000
    total_liabilities = 600


class PredictionFactory(factory.django.DjangoModelFactory):
    """A head with one score."""

    class Meta:
        model = Prediction
        skip_postgeneration_save = True

    company = factory.SubFactory(CompanyFactory, organization=factory.SelfAttribute("..organization"))
    kind = PredictionKind.ANNUAL
    fiscal_year = 2024
    pd = 0.0212
    risk_level = "LOW"

    @factory.post_generation
    def scored(self, create, extracted, **kwargs):
        self.current = ScoreFactory(
            prediction=self, organization=self.organization, pd=self.pd, risk_level=self.risk_level, **kwargs
        )
        self.save()


class ScoreFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Score

    prediction = factory.SubFactory(PredictionFactory)
    model_version_id = factory.LazyFunction(uuid7)
    model_sha256 = SHA
    input_hash = SHA
    shape = "annual_ratios"
    inputs = factory.LazyFunction(lambda: {"ratios": {"return_on_assets": 4.2}})
    pd = 0.0212
    pd_raw = factory.SelfAttribute("pd")
    risk_level = "LOW"
    members = factory.LazyFunction(
        lambda: {"logistic": 0.02, "gradient_boosting": 0.02, "random_forest": 0.02}
    )
    confidence = 0.6
    confidence_level = "medium"
    drivers = factory.LazyFunction(list)


class FlagFactory(factory.django.DjangoModelFactory):
    """A change of a prediction's PD."""

    class Meta:
        model = Flag

    score_id = factory.LazyFunction(uuid7)
    kind = PredictionKind.ANNUAL
    reasons = factory.LazyFunction(lambda: ["points"])
    pd = 0.08
    pd_before = 0.02
    risk_level = "HIGH"
    level_before = "LOW"


class JobFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ScoringJob

    kind = PredictionKind.ANNUAL
    state = "completed"
    original_filename = "portfolio.csv"
    path = "nowhere.csv"
    file_size = 10
    sha256 = SHA
    total_rows = 1


class ImportFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Import

    original_filename = "companies.csv"
    path = "nowhere.csv"
    file_size = 10
    sha256 = SHA
    fingerprint = factory.Sequence(lambda n: f"{n:064}")
    header = factory.LazyFunction(lambda: ["Symbol", "Name"])
    mapping = factory.LazyFunction(lambda: ["symbol", "name"])
    total_rows = 1


class ImportChunkFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ImportChunk

    number = 1
    path = "nowhere.json.gz"
    rows = 1


class ImportIssueFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ImportIssue

    row_number = 2
    level = "error"
    cell = "A2"
    code = "missing_key"
    message = "Nothing says which company this is."


class ImportEffectFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ImportEffect

    row_number = 2
    kind = "company_created"


class ColumnMappingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ColumnMapping

    fingerprint = factory.Sequence(lambda n: f"{n:064}")
    header = factory.LazyFunction(lambda: ["Symbol", "Name"])
    mapping = factory.LazyFunction(lambda: ["symbol", "name"])


class ChunkFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = JobChunk

    job = factory.SubFactory(JobFactory, organization=factory.SelfAttribute("..organization"))
    number = 1
    path = "nowhere.parquet"
    rows = 1


class IssueFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = RowIssue

    job = factory.SubFactory(JobFactory, organization=factory.SelfAttribute("..organization"))
    row_number = 2
    severity = Severity.ERROR
    code = "not_a_number"
    message = "Text where a number is expected."


class OutcomeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Outcome

    occurred_on = date(2025, 6, 1)


class DryRunFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = DryRun

    kind = PredictionKind.ANNUAL
    state = "ready"
    original_filename = "portfolio.csv"
    path = "none/upload.csv"
    file_size = 100
    sha256 = SHA
    format = "csv"


class ExportFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Export

    list_code = "companies"
    filename = "companies.csv"


class ObservationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Observation

    week = date(2025, 6, 2)
    kind = PredictionKind.ANNUAL
    shape = "annual_ratios"
    model_sha256 = SHA
    scores = 100
    looked_at = 100
    mean_pd = 0.02
    missing = 0.01
    out_of_range = 0.01


class AlertFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Alert

    subject = factory.Sequence(lambda n: f"missing:annual:{n}")
    level = "watch"
    value = 0.2
    limit = 0.15
    text = "20 % of the variables are missing."


class OwnModelFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = OwnModel

    name = factory.Sequence(lambda n: f"Model {n}")
    target_column = "bad"
    original_filename = "outcomes.csv"
    path = "nowhere.csv"
    file_sha256 = SHA


class ScenarioFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Scenario

    name = factory.Sequence(lambda n: f"Scenario {n}")
    shocks = factory.LazyFunction(lambda: [{"kind": "sales", "mode": "relative", "value": -0.2}])


class ScenarioRunFactory(factory.django.DjangoModelFactory):
    """A run that is done, with the result of one company."""

    class Meta:
        model = ScenarioRun
        skip_postgeneration_save = True

    name = "Mild recession"
    definition = factory.LazyFunction(
        lambda: {"shocks": [{"kind": "sales", "mode": "relative", "value": -0.2}]}
    )
    kind = PredictionKind.ANNUAL
    state = "done"
    model_version_id = factory.LazyFunction(uuid7)
    model_sha256 = SHA

    @factory.post_generation
    def looked_at(self, create, extracted, **kwargs):
        company = extracted or CompanyFactory(organization=self.organization)
        RunResult.objects.create(
            run=self, company=company, organization=self.organization, score_id=uuid7(), fiscal_year=2024,
            outcome="scored", base_pd=0.02, pd=0.04, change=0.02, base_level="LOW", level="MEDIUM",
        )  # fmt: skip


class RescoreRunFactory(factory.django.DjangoModelFactory):
    """A run with one part that nobody has done."""

    class Meta:
        model = RescoreRun
        skip_postgeneration_save = True

    model_version_id = factory.LazyFunction(uuid7)
    model_sha256 = SHA
    subject = factory.Sequence(lambda n: f"{n:064}")
    about = "1 company"
    companies = 1

    @factory.post_generation
    def cut(self, create, extracted, **kwargs):
        RescorePart.objects.create(organization=self.organization, run=self, number=1, company_ids=[uuid7()])


class WhitelistEntryFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = WhitelistEntry

    kind = "address"
    value = factory.Sequence(lambda n: f"listed-{n}@firm.test")


class JoinLinkFactory(factory.django.DjangoModelFactory):
    """A link whose secret is ``token``."""

    class Meta:
        model = JoinLink

    class Params:
        token = factory.LazyFunction(new_token)

    digest = factory.LazyAttribute(lambda link: digest_of(link.token))
    sealed = factory.LazyAttribute(lambda link: sealed(link.token))


class InvitationFactory(factory.django.DjangoModelFactory):
    """A pending invitation whose secret is ``token``."""

    class Meta:
        model = Invitation

    class Params:
        token = factory.LazyFunction(new_token)

    email = factory.Sequence(lambda n: f"invited-{n}@firm.test")
    role = "analyst"
    digest = factory.LazyAttribute(lambda invitation: digest_of(invitation.token))
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))


class UserFactory(factory.django.DjangoModelFactory):
    """Somebody with a profile and no credential: he is listed, and signs in nowhere."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"somebody-{n}@firm.test")

    @factory.post_generation
    def described(self, create, extracted, **kwargs):
        Profile.objects.create(user=self, **kwargs)


class NoticeFactory(factory.django.DjangoModelFactory):
    """Something that somebody was told."""

    class Meta:
        model = Notice

    kind = "job_finished"
    title = factory.Sequence(lambda n: f"File {n} is scored")


class SourceFactory(factory.django.DjangoModelFactory):
    """A file drop that is run by hand."""

    class Meta:
        model = Source

    kind = "file_drop"
    name = factory.Sequence(lambda n: f"Drop {n}")
    options = factory.LazyFunction(lambda: FileDropConnector.check({}))


class RunFactory(factory.django.DjangoModelFactory):
    """A run that is over."""

    class Meta:
        model = Run

    source = factory.SubFactory(SourceFactory, organization=factory.SelfAttribute("..organization"))
    trigger = Trigger.HAND
    state = RunState.DONE


class DocumentFactory(factory.django.DjangoModelFactory):
    """A document that a run has taken."""

    class Meta:
        model = Document

    run = factory.SubFactory(RunFactory, organization=factory.SelfAttribute("..organization"))
    source = factory.SelfAttribute("run.source")
    key = factory.Sequence(lambda n: f"file-{n}.csv")
    content_hash = "0" * 64


class ScheduleFactory(factory.django.DjangoModelFactory):
    """A portfolio that is scored again every Monday."""

    class Meta:
        model = Schedule

    name = factory.Sequence(lambda n: f"Portfolio {n}")
    kind = PredictionKind.ANNUAL
    source = "file"
    file_name = "portfolio.csv"
    frequency = "weekly"
    at = time(6)
    next_run_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))


class ScheduledRunFactory(factory.django.DjangoModelFactory):
    """A run that could not be."""

    class Meta:
        model = ScheduledRun

    schedule = factory.SubFactory(ScheduleFactory, organization=factory.SelfAttribute("..organization"))
    due_at = factory.LazyFunction(timezone.now)
    refusal = "There is no uploaded file portfolio.csv any more."
