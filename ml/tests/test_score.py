"""The command that scores a file: every row, exactly, with its history, whatever the cells hold."""

from __future__ import annotations

import csv
import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.dataset import from_frame, locate, read
from ml.sampling import history_frame
from ml.score.__main__ import main
from ml.tests.conftest import DATA

STANDIN = Path(__file__).with_name("firm_years.csv")
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path, capsys):
    """Scores a text or a file; gives the table, what was said, and the exit code."""

    def call(given, *options):
        path = given if isinstance(given, Path) else tmp_path / "in.csv"
        if not isinstance(given, Path):
            path.write_text(given)
        out = tmp_path / "out.csv"
        out.unlink(missing_ok=True)
        code = main([str(path), "--output", str(out), *options])
        table = None
        if out.exists():
            text = {"company_id": str, "fiscal_year": str}
            table = pd.read_csv(out, dtype=text, keep_default_na=False, na_values={"pd": [""]})
        return table, capsys.readouterr().err, code

    return call


@pytest.fixture(scope="module")
def standin():
    return pd.read_csv(STANDIN)


def sheet(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False)


def test_the_development_columns_score_as_the_engine_does_with_history(run, engine, standin):
    table, said, code = run(STANDIN)
    assert code == 0
    data = from_frame(standin)
    expected = engine.score(pd.DataFrame(data.items), kind="annual", history=history_frame(data), drivers=0)
    by_key = dict(zip(zip(data.company, data.year.astype(str), strict=True), expected.pd, strict=True))
    found = dict(zip(zip(table.company_id, table.fiscal_year, strict=True), table.pd, strict=True))
    assert found.keys() == by_key.keys()
    assert max(abs(found[key] - by_key[key]) for key in by_key) < 1e-9
    assert "no_prior_year" not in ";".join(table.reasons[table.fiscal_year > "2009"])
    assert set(table["shape"]) == {"statement_market"}
    assert f"{len(standin)} rows, {len(standin)} scored" in said


def test_rows_come_back_in_their_order_and_labels_are_ignored(run, standin):
    first, _, _ = run(STANDIN)
    shuffled = standin.sample(frac=1.0, random_state=3)
    with_labels = shuffled.assign(default_next_year=1, years_to_default=2)
    plain, _, _ = run(sheet(shuffled.drop(columns=["default_next_year"], errors="ignore")))
    labelled, _, _ = run(sheet(with_labels))
    assert plain.company_id.tolist() == shuffled.company_id.tolist()
    assert plain.fiscal_year.tolist() == shuffled.fiscal_year.astype(str).tolist()
    assert (plain.pd == labelled.pd).all()
    assert (plain.set_index(["company_id", "fiscal_year"]).pd.sort_index()
            == first.set_index(["company_id", "fiscal_year"]).pd.sort_index()).all()  # fmt: skip


def test_a_packed_file_scores_the_same(run, tmp_path):
    packed = tmp_path / "in.csv.gz"
    packed.write_bytes(gzip.compress(STANDIN.read_bytes()))
    first, _, _ = run(STANDIN)
    second, _, _ = run(packed)
    pd.testing.assert_frame_equal(first, second)
    out = tmp_path / "scores.csv.gz"
    assert main([str(STANDIN), "-o", str(out)]) == 0
    written = out.read_bytes()
    assert len(gzip.decompress(written).splitlines()) == len(first) + 1
    assert main([str(STANDIN), "-o", str(out)]) == 0
    assert out.read_bytes() == written


def test_a_gap_year_stays_a_gap(run, engine, standin):
    one = standin[standin.company_id == standin.company_id.iloc[0]]
    year = one.fiscal_year.max() - 1
    table, _, _ = run(sheet(one[one.fiscal_year != year]))
    last = table.iloc[-1]
    assert "no_prior_year" in last.reasons
    older = one[one.fiscal_year < year]
    frame = one[one.fiscal_year == year + 1].rename(columns={"market_value": "market_cap"})
    history = older.rename(columns={"market_value": "market_cap"}).assign(
        row=0, periods_back=lambda t: year + 1 - t.fiscal_year
    )
    alone = engine.score(
        frame.drop(columns=["company_id", "fiscal_year"]).reset_index(drop=True), kind="annual",
        history=history.drop(columns=["company_id", "fiscal_year"]), drivers=0,
    )  # fmt: skip
    assert last.pd == pytest.approx(alone.pd[0], abs=1e-9)


def test_a_missing_market_value_falls_back_row_by_row(run, standin):
    frame = standin.assign(market_value=standin.market_value.astype(object))
    frame.loc[frame.index[::3], "market_value"] = None
    table, _, _ = run(sheet(frame))
    shapes = table["shape"].to_numpy()
    assert set(shapes[::3]) == {"statement"}
    assert set(np.delete(shapes, np.s_[::3])) == {"statement_market"}
    assert not table.pd.isna().any()


def test_without_market_equals_a_file_without_it(run, standin):
    asked, _, _ = run(STANDIN, "--without-market")
    lacking, _, _ = run(sheet(standin.drop(columns="market_value")))
    assert (asked.pd == lacking.pd).all()
    assert set(asked["shape"]) == {"statement"}


@pytest.mark.parametrize("name", ["statement", "annual_ratios", "quarterly_ratios"])
def test_a_shape_can_be_asked_for(run, name):
    table, _, code = run(STANDIN, "--shape", name)
    assert code == 0
    assert set(table["shape"]) == {name}
    assert not table.pd.isna().any()


def test_a_shape_whose_inputs_are_missing_leaves_the_row_without_a_pd(run):
    text = "company_id,fiscal_year,return_on_assets\nA,2015,4\n"
    table, said, code = run(text, "--shape", "statement")
    assert code == 0
    assert table.pd.isna().all()
    assert table.error.tolist() == ["nothing to score on"]
    assert "1 without a PD" in said
    assert run(text, "--shape", "statement", "--strict")[2] == 3


def test_bad_cells_are_named_and_no_row_is_lost(run, standin):
    lines = sheet(standin.iloc[:6]).splitlines()
    rows = list(csv.reader(lines))
    place = rows[0].index("ebit")
    rows[2][place] = "12,5x"
    rows[3][place] = "inf"
    rows[4][place] = "1_000"
    rows[5][place] = " n/a "
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    table, said, code = run(text.getvalue() + "\nSHORT,2015\n,,\n", "--strict")
    assert code == 3
    assert len(table) == 8
    assert "row 3: ebit: '12,5x' is not a number" in said
    assert table.error[1] == "ebit: '12,5x' is not a number"
    assert "'inf'" in table.error[2]
    assert "'1_000'" in table.error[3]
    assert table.error[4] == ""
    assert "bad_cell" in table["flags"][1]
    assert not table.pd[:6].isna().any()
    assert "cells where the header has" in table.error[6]
    assert "row 9: 2 cells" in said
    assert table.pd[6:].isna().all()


def test_a_row_without_a_company_or_year_is_scored_on_its_own(run, standin):
    frame = standin.iloc[:4].astype({"company_id": object, "fiscal_year": object})
    frame.loc[frame.index[2], "company_id"] = None
    frame.loc[frame.index[3], "fiscal_year"] = "20x5"
    table, said, _ = run(sheet(frame))
    assert not table.pd.isna().any()
    assert "no_prior_year" in table.reasons[2]
    assert "no_prior_year" in table.reasons[3]
    assert table.fiscal_year[3] == "20x5"
    assert "row 4: company_id is empty" in said


def test_a_period_that_stands_twice_is_flagged_and_scored_twice(run, standin):
    frame = pd.concat([standin.iloc[:3], standin.iloc[:1]])
    table, _, _ = run(sheet(frame))
    assert table["flags"].str.contains("duplicate_period").tolist() == [True, False, False, True]
    assert table.pd[0] == table.pd[3]


def test_total_revenue_fills_missing_sales(run, standin):
    whole, _, _ = run(STANDIN)
    renamed, _, _ = run(sheet(standin.drop(columns="net_sales")))
    assert (whole.pd == renamed.pd).all()


def test_units(run, standin):
    amounts = [c for c in standin if c not in ("company_id", "fiscal_year", "default_next_year")]
    thousands = standin.copy()
    thousands[amounts] = standin[amounts] * 1000.0
    expected, _, _ = run(STANDIN)
    found, _, _ = run(sheet(thousands), "--unit", "thousands")
    assert np.allclose(found.pd, expected.pd, atol=1e-6)


ANNUAL = """company_symbol,company_name,market_cap,sector,reporting_year,reporting_quarter,\
long_term_debt_to_total_capital,total_debt_to_ebitda,net_income_margin,ebit_to_interest_expense,return_on_assets
HPE,Hewlett,100000000,Technology,2012,Q4,20.7,1.1,9.1,8.5,5.9
IBM,Machines,,Technology,2012,Q4,,1.1,9.1,8.5,100000000
NIL,Nothing,,Technology,2012,Q4,,,,4.0,
"""
QUARTERLY = """company_symbol;sector;reporting_year;reporting_quarter;total_debt_to_ebitda;sga_margin;\
long_term_debt_to_total_capital;return_on_capital
AAPL;Technology;2020;Q1;4.3;24;42;17.8
AAPL;Technology;2020;5;4.3;24;42;17.8
"""


def test_the_annual_sheet_of_ratios(run, engine):
    table, _, _ = run(ANNUAL)
    assert table["shape"].tolist() == ["annual_ratios", "annual_ratios", "none"]
    row = {"long_term_debt_to_total_capital": 20.7, "total_debt_to_ebitda": 1.1, "net_income_margin": 9.1,
           "ebit_to_interest_expense": 8.5, "return_on_assets": 5.9}  # fmt: skip
    assert table.pd[0] == engine.score(pd.DataFrame([row]), kind="annual").pd[0]
    assert table.missing_inputs[1] == "long_term_debt_to_total_capital;return_on_assets"
    assert "out_of_range:return_on_assets" in table["flags"][1]
    assert table.fiscal_quarter.tolist() == ["Q4"] * 3
    assert table.error[2] == "nothing to score on"


def test_the_quarterly_sheet_of_ratios(run, engine):
    table, said, _ = run(QUARTERLY)
    assert set(table["shape"]) == {"quarterly_ratios"}
    row = {"total_debt_to_ebitda": 4.3, "sga_margin": 24.0, "long_term_debt_to_total_capital": 42.0,
           "return_on_capital": 17.8}  # fmt: skip
    assert table.pd[0] == engine.score(pd.DataFrame([row]), kind="quarterly").pd[0]
    assert "row 3: fiscal_quarter: '5' is not Q1 to Q4" in said


def test_quarterly_statements_are_summed_over_twelve_months(run, standin):
    one = standin.iloc[[5]].drop(columns=["default_next_year"], errors="ignore")
    quarters = pd.concat([one.assign(fiscal_quarter=q) for q in (1, 2, 3, 4)])
    table, _, _ = run(sheet(quarters))
    assert "single_quarter_annualised" in table.reasons[0]
    assert "annualised" not in table.reasons[3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no header"),
        ("fiscal_year,ebit\n2015,3\n", "company_id"),
        ("company_id,ebit\nA,3\n", "fiscal_year"),
        ("company_id,fiscal_year,colour\nA,2015,red\n", "nothing to score on"),
        ("company_id,fiscal_year,ebit,EBIT\nA,2015,1,2\n", "two columns mean ebit"),
        ("company_id,fiscal_year,ebit\nA,2015,\udcff\n".encode("utf-8", "surrogateescape"), "encoding"),
        (b"\x1f\x8bbroken", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_scored_writes_nothing(tmp_path, capsys, text, message):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main([str(path), "-o", str(out)]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_or_model_is_an_error(tmp_path, capsys):
    assert main([str(tmp_path / "none.csv")]) == 1
    assert main([str(STANDIN), "--model", str(tmp_path)]) == 1
    assert "model.json" in capsys.readouterr().err


def test_a_file_with_a_header_only_gives_a_header(run):
    table, _, code = run("company_id,fiscal_year,ebit\n")
    assert code == 0
    assert len(table) == 0
    assert "pd" in table


def test_the_floor_keeps_the_raw_pd(run):
    table, _, _ = run(STANDIN, "--floor", "0.01")
    assert table.pd.min() == 0.01
    assert table.pd_raw.min() < 0.01


def test_drivers_speak_when_asked_for(run):
    table, _, _ = run(STANDIN, "--drivers", "2")
    assert table.drivers.str.contains("the PD").all()


def test_the_age_of_a_statement_lowers_its_confidence_only(run):
    plain, _, _ = run(STANDIN)
    aged, _, _ = run(STANDIN, "--as-of", "2010")
    old = aged.fiscal_year.astype(int) <= 2008
    assert (aged["flags"].str.contains("old_statement") == old).all()
    assert (aged.confidence[old] < plain.confidence[old]).all()
    assert (aged.confidence[~old] == plain.confidence[~old]).all()
    assert (aged.pd == plain.pd).all()


def test_pds_beyond_one_year_come_when_asked_for(run):
    table, _, _ = run(STANDIN, "--term")
    years = table[["pd", *(f"pd_{year}y" for year in range(2, 6))]].to_numpy()
    assert (np.diff(years, axis=1) > 0).all()


def test_as_a_command_it_reads_and_writes_the_standard_streams():
    command = [sys.executable, "-m", "ml.score"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    shared = {"capture_output": True, "text": True, "cwd": REPOSITORY, "env": environment}
    done = subprocess.run([*command, "-"], input=STANDIN.read_text(), **shared)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(STANDIN.read_text().splitlines())
    page = subprocess.run([*command, "--help"], **shared)
    assert page.returncode == 0
    assert "years_to_default" in page.stdout
    assert "exit code" in page.stdout


def test_the_development_file(tmp_path, engine):
    try:
        file = locate(DATA)
    except FileNotFoundError:
        pytest.skip("the development data (../shared/data) is not on this machine")
    whole = gzip.decompress(file.read_bytes()).decode().splitlines(keepends=True)
    some = tmp_path / "some.csv"
    some.write_text("".join([whole[0], *(line for line in whole[1:] if line.split(",")[0].endswith("7"))]))
    out = tmp_path / "scores.csv"
    assert main([str(some), "-o", str(out)]) == 0
    table = pd.read_csv(out, usecols=["company_id", "fiscal_year", "pd"])
    given = pd.read_csv(some)
    assert table.company_id.tolist() == given.company_id.tolist()
    assert table.fiscal_year.tolist() == given.fiscal_year.tolist()
    assert not table.pd.isna().any()
    data = read(some)
    rows = np.arange(0, len(data), 50)
    history = history_frame(data)
    history = history[history.row.isin(rows)]
    chosen = pd.DataFrame(data.items).iloc[rows].reset_index(drop=True)
    expected = engine.score(
        chosen, kind="annual", history=history.assign(row=np.searchsorted(rows, history.row)), drivers=0
    )
    keyed = table.set_index(["company_id", "fiscal_year"]).pd
    found = keyed.loc[list(zip(data.company[rows], data.year[rows], strict=True))]
    assert np.abs(found.to_numpy() - expected.pd).max() < 1e-9
