"""The two levels as data, with the other spellings of each sector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sector:
    """A sector with its industries, and other names that people and data vendors use for it."""

    name: str
    industries: tuple[str, ...]
    also: tuple[str, ...] = ()


SECTORS: Final = (
    Sector(
        "Technology",
        (
            "Software and services",
            "Information technology services",
            "Hardware and equipment",
            "Communication equipment",
            "Electronic components and instruments",
            "Semiconductors",
        ),
        ("information technology", "tech", "it", "computer technology", "electronic technology", "software"),
    ),
    Sector(
        "Healthcare",
        (
            "Pharmaceuticals",
            "Biotechnology",
            "Medical devices and supplies",
            "Hospitals and care",
            "Health plans and services",
            "Diagnostics and research",
        ),
        ("health care", "health", "pharma", "health technology", "health services", "medical"),
    ),
    Sector(
        "Financial Services",
        (
            "Banks",
            "Insurance",
            "Asset management",
            "Capital markets",
            "Consumer and mortgage finance",
            "Diversified financials",
            "Shell and blank-check companies",
        ),
        ("financials", "financial", "finance", "banking", "banks", "banking and insurance"),
    ),
    Sector(
        "Consumer Cyclical",
        (
            "Automobiles and parts",
            "Specialty and department retail",
            "Online retail",
            "Hotels, restaurants and leisure",
            "Apparel and luxury goods",
            "Household durables",
            "Homebuilding",
            "Consumer services and education",
        ),
        ("consumer discretionary", "discretionary", "retail", "retail trade", "cyclical consumer goods",
         "consumer durables", "consumer services", "consumer cyclicals"),
    ),
    Sector(
        "Industrials",
        (
            "Aerospace and defence",
            "Machinery",
            "Electrical equipment",
            "Building products",
            "Construction and engineering",
            "Transport and logistics",
            "Airlines",
            "Commercial and professional services",
            "Waste and environmental services",
            "Trading and wholesale",
            "Conglomerates",
        ),
        ("industrial", "industrial goods", "industrial services", "manufacturing", "producer manufacturing",
         "transportation", "construction", "capital goods", "commercial services"),
    ),
    Sector(
        "Communication Services",
        (
            "Telecommunication services",
            "Media and publishing",
            "Entertainment",
            "Interactive media",
            "Advertising",
        ),
        ("communications", "communication", "telecommunications", "telecommunication services", "telecom",
         "telecoms", "media", "telecommunication"),
    ),
    Sector(
        "Consumer Defensive",
        (
            "Food products",
            "Beverages",
            "Tobacco",
            "Food and staples retail",
            "Household and personal products",
            "Agricultural products",
        ),
        ("consumer staples", "staples", "consumer non-cyclical", "consumer non-cyclicals",
         "consumer non-durables", "non-cyclical consumer goods", "food", "agriculture"),
    ),
    Sector(
        "Energy",
        (
            "Oil and gas exploration and production",
            "Integrated oil and gas",
            "Oil and gas services",
            "Refining and marketing",
            "Pipelines and storage",
            "Coal and uranium",
        ),
        ("oil and gas", "oil & gas", "energy minerals", "energies"),
    ),
    Sector(
        "Utilities",
        ("Electric utilities", "Gas utilities", "Water utilities", "Multi-utilities",
         "Renewable power producers"),
        ("utility", "public utilities", "utilities sector"),
    ),
    Sector(
        "Real Estate",
        ("Real estate investment trusts", "Real estate development", "Real estate services"),
        ("realestate", "reit", "reits", "property", "real estate investment trusts"),
    ),
    Sector(
        "Basic Materials",
        (
            "Chemicals",
            "Metals and mining",
            "Steel",
            "Gold and precious metals",
            "Construction materials",
            "Containers and packaging",
            "Paper and forest products",
        ),
        ("materials", "basic material", "raw materials", "non-energy minerals", "process industries",
         "mining", "chemicals"),
    ),
)  # fmt: skip
