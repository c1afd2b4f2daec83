"""Files that leave the platform: a job's results, and its faulty rows in their own sheet."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, cast

from django.core.files.storage import default_storage
from django.http import HttpResponse

from companies.sheets import CellError, open_sheet, rows_with_errors, write_csv, write_xlsx
from predictions import selectors
from predictions.models import ScoringJob, Severity
from predictions.services.scoring import RATIOS
from tenants.kernel.errors import Conflict

_HEADER = (
    *("rank", "row", "company_symbol", "company_name", "sector", "reporting_year", "reporting_quarter"),
    *("probability", "risk_level", "probability_low", "probability_high", "confidence", "confidence_level"),
    *("random_forest", "gradient_boosting", "logistic", "model_sha256", "grade"),
)


def results_csv(job: ScoringJob) -> Iterator[bytes]:
    """Every scored row of a job, the worst first, in pieces."""
    return write_csv(_result_rows(job))


def _result_rows(job: ScoringJob) -> Iterator[list[Any]]:
    ratios = RATIOS[job.kind]  # type: ignore[index]
    yield [*_HEADER, *ratios]
    for rank, score in enumerate(selectors.scores_of(job).iterator(chunk_size=2000), start=1):
        head, company = score.prediction, score.prediction.company
        members = score.members
        given = score.inputs.get("ratios") or {}
        yield [
            rank,
            score.row_number,
            company.symbol,
            company.name,
            company.sector,
            head.fiscal_year,
            head.quarter_text,
            score.pd,
            score.risk_level,
            score.low,
            score.high,
            score.confidence,
            score.confidence_level,
            members.get("random_forest"),
            members.get("gradient_boosting"),
            members.get("logistic"),
            score.model_sha256,
            score.grade,
            *(given.get(name) for name in ratios),
        ]


def error_sheet(job: ScoringJob) -> tuple[IO[bytes], str]:
    """The refused rows in the uploaded file's own columns, with a column of what is wrong: a workbook of a
    workbook, else CSV.

    The file is complete when it is returned, so it may be sent after the scope has ended.
    """
    if not default_storage.exists(job.path):
        raise Conflict("The uploaded file is no longer kept.", code="file_gone")
    issues = job.issues.filter(severity=Severity.ERROR).order_by("row_number", "id").iterator()
    findings = (CellError(i.row_number, i.column, i.code, i.message, i.value) for i in issues)
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    with default_storage.open(job.path, "rb") as stored:
        sheet = open_sheet(cast(BinaryIO, stored), job.original_filename, sheet_name=job.sheet)
        rows = rows_with_errors(sheet, findings, only_refused=True)
        if sheet.format == "xlsx":
            write_xlsx(target, [(sheet.sheet_name or "Sheet1", rows)])
        else:
            for piece in write_csv(rows, delimiter=sheet.delimiter or ","):
                target.write(piece)
    target.seek(0)
    return target, "xlsx" if sheet.format == "xlsx" else "csv"


def disposition(job: ScoringJob, what: str, ending: str) -> str:
    """A Content-Disposition header with a file name that is safe everywhere."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", PurePosixPath(job.original_filename).stem)[:80] or "job"
    return f'attachment; filename="{stem}-{what}.{ending}"'


_MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def whole_file(job: ScoringJob, content: bytes, what: str, ending: str) -> HttpResponse:
    """A file that is made in memory, as a download."""
    answer = HttpResponse(content, content_type=_MEDIA[ending])
    answer["Content-Disposition"] = disposition(job, what, ending)
    return answer
