"""The evidence of a version and its report: complete, free of rows, bound to the model, readable."""

from __future__ import annotations

import json
import shutil

import pytest

from ml.fitting import Workshop
from ml.persistence import DEFAULT_PATH, ArtifactError, load
from ml.shapes import SHAPES
from ml.validation import charts, evidence, report
from ml.validation.__main__ import main
from ml.validation.pdf import render
from ml.validation.verdicts import RULES, verdicts

NAME = "annual_ratios"


@pytest.fixture(scope="module")
def manifest():
    found = dict(load(DEFAULT_PATH).manifest)
    return {**found, "shapes": {NAME: found["shapes"][NAME]}}


@pytest.fixture(scope="module")
def found(synthetic, manifest):
    shops = {NAME: Workshop(SHAPES[NAME], synthetic)}
    return evidence.collect(synthetic, manifest, workshops=shops, repeats=20)


@pytest.fixture(scope="module")
def made(found, manifest):
    return report.make(manifest, "ab" * 32, found)


def test_evidence_is_json_and_holds_no_row(found, synthetic):
    text = json.dumps(found, allow_nan=False)
    assert len(text) < 400_000
    assert not any(company in text for company in synthetic.company[:50])


def test_evidence_counts_what_the_data_has(found, synthetic):
    counted = found["sample"]
    assert sum(row["names"] for row in counted["by_year"]) == len(synthetic)
    assert sum(row["defaults"] for row in counted["by_year"]) == synthetic.default.sum()
    shape = found["shapes"][NAME]
    kept = shape["power"]["samples"]["report"]["ensemble"]
    assert kept["names"] == sum(row["names"] for row in shape["calibration"]["report"]["grades"])
    assert sum(row["report"]["names"] for row in shape["power"]["by_size"]) == kept["names"]
    for row in shape["power"]["cutoffs"]:
        assert row["hits"] + row["missed"] + row["false_alarms"] + row["cleared"] == kept["names"]
    migrated = shape["migration"]["counts"]
    assert len(migrated) == 10
    assert all(len(row) == 12 for row in migrated)


def test_bound_variables_move_the_way_they_are_bound(found):
    for row in found["shapes"][NAME]["variables"]["table"]:
        if row["direction"]:
            assert row["sign"] in (0, row["direction"])
            assert row["monotone"] == 1.0


def test_every_question_gets_a_light_by_a_stated_rule(found):
    codes = [row.code for row in verdicts(found["shapes"][NAME])]
    # Ratios have no statement behind them to compute a classic score from.
    assert set(codes) == set(RULES) - {"lead"}


def test_a_model_that_ranks_nothing_gets_a_red_light(found):
    shape = json.loads(json.dumps(found["shapes"][NAME]))
    shape["power"]["samples"]["report"]["ensemble"] |= {"auc": 0.52, "auc_low": 0.45, "auc_high": 0.58}
    shape["variables"]["table"][0] |= {"direction": 1, "sign": -1}
    shape["interval"] |= {"low": 0.6, "high": 0.7}
    lights = {row.code: row.light for row in verdicts(shape)}
    assert (lights["discrimination"], lights["signs"], lights["interval"]) == ("red", "red", "red")


def test_the_ladder_begins_at_the_logistic_model_and_ends_at_the_ensemble(found):
    steps = found["shapes"][NAME]["complexity"]["ladder"]
    assert [row["name"] for row in steps] == [
        "logistic",
        "logistic+random_forest",
        "logistic+gradient_boosting",
        "ensemble",
    ]
    assert all(row["gain"]["low"] <= row["gain"]["value"] <= row["gain"]["high"] for row in steps[1:])


def test_evidence_is_bound_to_its_model_and_to_its_hash(found, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(DEFAULT_PATH, folder)
    evidence.keep(folder, found)
    assert evidence.kept(folder) == found
    (folder / evidence.EVIDENCE).write_text("{}")
    with pytest.raises(ArtifactError, match="sha256"):
        evidence.kept(folder)
    evidence.keep(folder, found)
    manifest = json.loads((folder / "model.json").read_bytes())
    (folder / "model.json").write_text(json.dumps({**manifest, "version": "other"}))
    with pytest.raises(ArtifactError, match="another model"):
        evidence.kept(folder)


def test_the_report_becomes_a_pdf(made):
    pdf = render(made)
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 8


def test_without_evidence_the_report_says_what_it_lacks(manifest):
    made = report.make(manifest, "ab" * 32, None)
    assert made["evidence"] is None
    assert "what complexity buys" in made["needs_data"]
    assert render(made).startswith(b"%PDF-")


def test_words_of_users_cannot_break_the_pdf(made):
    owner = "<b>Risk & <i>Co</i>"
    assert render({**made, "governance": {"owner": owner, "status": "</para>"}}).startswith(b"%PDF-")


def test_charts_are_plain_svg(found):
    shape = found["shapes"][NAME]
    text = charts.svg(charts.calibration(shape["calibration"]["rolling"]["grades"]))
    assert text.startswith("<svg ")
    assert "style=" not in text
    assert "<script" not in text


def test_the_command_writes_a_report_without_the_data(tmp_path, capsys):
    assert main(["--output", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "validation.json").read_text())
    assert content["model"]["sha256"] == load(DEFAULT_PATH).sha256
    assert (tmp_path / "validation.pdf").read_bytes().startswith(b"%PDF-")
    assert "written" in capsys.readouterr().out


def test_what_is_kept_beside_the_shipped_model_is_about_it():
    kept = evidence.kept(DEFAULT_PATH)  # raises where it is of another model or altered
    if kept is not None:
        assert set(kept["shapes"]) == set(load(DEFAULT_PATH).manifest["shapes"])
