"""Small documents in EDGAR's form, made up: a company, its entry, a list of tickers, a data set."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta

CIK = "9990001"
M = 1_000_000


class Facts:
    """Builds a document of company facts."""

    def __init__(self, cik=CIK, name="Sample Works Inc.", taxonomy="us-gaap", currency="USD"):
        self.cik, self.name, self.taxonomy, self.currency = cik, name, taxonomy, currency
        self.facts = {}
        self.filing = {}

    def file(self, accession, form, filed, fy=2099, fp="FY"):
        # The filer's labels are wrong on purpose: periods come from dates.
        self.filing = {"accn": accession, "form": form, "filed": filed, "fy": fy, "fp": fp}
        return self

    def say(self, tag, value, end, start=None, *, taxonomy=None, unit=None):
        row = {"end": end, "val": value, **self.filing} | ({"start": start} if start else {})
        tags = self.facts.setdefault(taxonomy or self.taxonomy, {})
        units = tags.setdefault(tag, {"label": tag, "units": {}})["units"]
        units.setdefault(unit or self.currency, []).append(row)
        return self

    def balance(self, end, assets=100, liabilities=60, **more):
        stocks = {"Assets": assets, "Liabilities": liabilities, "StockholdersEquity": assets - liabilities}
        for tag, value in (stocks | more).items():
            self.say(tag, value * M, end)
        return self

    def income(self, start, end, sales, profit, **more):
        for tag, value in ({"Revenues": sales, "NetIncomeLoss": profit} | more).items():
            self.say(tag, value * M, end, start)
        return self

    def dump(self):
        return json.dumps({"cik": int(self.cik), "entityName": self.name, "facts": self.facts}).encode()


def year_with_quarters(cik=CIK, name="Sample Works Inc."):
    """Fiscal 2023 in four filings; cash flows from the beginning of the year, as filers report them."""
    facts = Facts(cik, name)
    quarters = [("2023-01-01", "2023-03-31"), ("2023-04-01", "2023-06-30"), ("2023-07-01", "2023-09-30")]
    for number, (start, end) in enumerate(quarters, 1):
        filed = str(date.fromisoformat(end) + timedelta(days=30))
        facts.file(f"0000000000-23-00000{number}", "10-Q", filed).balance(end, assets=100 + number)
        facts.income(start, end, sales=10 * number, profit=number)
        cash = "NetCashProvidedByUsedInOperatingActivities"
        facts.say(cash, 2 * number * (number + 1) // 2 * M, end, "2023-01-01")
        if number > 1:
            facts.income("2023-01-01", end, sales=sum(10 * n for n in range(1, number + 1)), profit=0)
    facts.file("0000000000-24-000001", "10-K", "2024-02-15").balance("2023-12-31", assets=110)
    facts.income("2023-01-01", "2023-12-31", sales=100, profit=9)
    facts.say("NetCashProvidedByUsedInOperatingActivities", 30 * M, "2023-12-31", "2023-01-01")
    return facts


def entry(cik=CIK, name="Sample Works Inc.", ticker="SMPL", bankrupt_on=(), **more):
    """A document of submissions; with an 8-K of item 1.03 for each of the days."""
    days = [str(day) for day in bankrupt_on]
    recent = {
        "accessionNumber": [f"0000000000-25-00010{n}" for n in range(len(days) + 1)],
        "form": ["10-K", *["8-K"] * len(days)],
        "filingDate": ["2024-02-15", *days],
        "reportDate": ["2023-12-31", *days],
        "items": ["", *["1.03,7.01,9.01"] * len(days)],
    }
    return json.dumps(
        {
            "cik": f"{cik:0>10}",
            "name": name,
            "sic": "3571",
            "tickers": [ticker] if ticker else [],
            "exchanges": ["Nasdaq"] if ticker else [],
            "fiscalYearEnd": "1231",
            "addresses": {"business": {"stateOrCountry": "CA", "isForeignLocation": 0}},
            "filings": {"recent": recent, "files": []},
            **more,
        }
    ).encode()


def tickers(**by_cik):
    rows = {
        str(n): {"cik_str": int(cik.lstrip("c")), "ticker": ticker, "title": f"{ticker} INC"}
        for n, (cik, ticker) in enumerate(by_cik.items())
    }
    return json.dumps(rows).encode()


def dataset(cik="9990002", name="LISTED WORKS CORP", assets=200.0):
    """A zip of the Financial Statement Data Sets with one 10-Q."""
    adsh = "0000000000-09-000009"
    head = "adsh cik name sic countryba fye form period fy fp filed"
    sub = [adsh, cik, name, "3711", "US", "1231", "10-Q", "20090630", "2009", "Q2", "20090801"]
    nums = [
        ("Assets", "us-gaap/2009", "20090630", "0", "USD", "", "", assets * M),
        ("Liabilities", "us-gaap/2009", "20090630", "0", "USD", "", "", 120 * M),
        ("StockholdersEquity", "us-gaap/2009", "20090630", "0", "USD", "", "", (assets - 120) * M),
        ("Revenues", "us-gaap/2009", "20090630", "1", "USD", "", "", 50 * M),
        ("NetIncomeLoss", "us-gaap/2009", "20090630", "1", "USD", "", "", 5 * M),
        # Of a segment, of a co-registrant, and of a tag that the filer made up: none is the company's.
        ("Revenues", "us-gaap/2009", "20090630", "1", "USD", "Segment=A;", "", 20 * M),
        ("NetIncomeLoss", "us-gaap/2009", "20090630", "1", "USD", "", "Subsidiary", 2 * M),
        ("NetIncomeLoss", adsh, "20090630", "1", "USD", "", "", 1 * M),
    ]
    tables = {
        "sub.txt": [head.split(), sub],
        "num.txt": [
            ["adsh", "tag", "version", "ddate", "qtrs", "uom", "segments", "coreg", "value", "footnote"],
            *([adsh, *map(str, row), ""] for row in nums),
        ],
        "tag.txt": [
            ["tag", "version", "custom", "abstract", "datatype", "iord", "crdr", "tlabel", "doc"],
            *(
                [row[0], row[1], "0" if "gaap" in row[1] else "1", "0", "monetary", "I", "D", row[0], ""]
                for row in nums
            ),
        ],
        "pre.txt": [
            ["adsh", "report", "line", "stmt", "inpth", "rfile", "tag", "version", "plabel", "negating"],
            [adsh, "2", "12", "BS", "0", "X", "Assets", "us-gaap/2009", "Total assets", "0"],
        ],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for table, rows in tables.items():
            archive.writestr(table, "\n".join("\t".join(row) for row in rows) + "\n")
    return file.getvalue()
