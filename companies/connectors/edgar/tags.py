"""Which XBRL tags a line item is read from: the table that a reviewer signs.

Each item has formulas in the order of preference; the first that can be computed is used, and a statement
names it in ``source_ref``. In a formula

- ``A`` is the amount under the tag A (``us-gaap`` or ``ifrs-full``, by the filer's taxonomy),
- ``A|B`` is A, or B where A is not reported,
- ``[A]`` counts when it is reported and is left out when it is not; where every term stands in brackets, at
  least one must be reported,
- a name in small letters is another line item of the same period, resolved further up.

Signs are the filers' own: an expense, an outflow and a debt are positive. Where XBRL defines a tag with the
other sign than ``ml.features.LINE_ITEMS`` wants, the formula begins with a minus.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

Nature = Literal["stock", "flow", "shares"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Where one line item is found."""

    item: str
    nature: Nature
    us_gaap: tuple[str, ...]
    ifrs: tuple[str, ...]


_PRETAX = "IncomeLossFromContinuingOperationsBeforeIncomeTaxes"

# Order matters: a formula may name the items above it.
RULES: Final = (
    # -- balance sheet ----------------------------------------------------------------------------
    Rule("total_assets", "stock", ("Assets", "LiabilitiesAndStockholdersEquity"),
         ("Assets", "EquityAndLiabilities")),
    Rule("current_assets", "stock", ("AssetsCurrent",), ("CurrentAssets",)),
    Rule("inventory", "stock",
         ("InventoryNet|InventoryNetOfAllowancesCustomerAdvancesAndProgressBillings|InventoryGross",),
         ("Inventories|CurrentInventories",)),
    Rule("total_receivables", "stock",
         ("ReceivablesNetCurrent|AccountsAndOtherReceivablesNetCurrent"
          "|AccountsNotesAndLoansReceivableNetCurrent",
          "AccountsReceivableNetCurrent + [NontradeReceivablesCurrent|OtherReceivablesNetCurrent]"),
         ("TradeAndOtherCurrentReceivables|CurrentTradeReceivables|TradeAndOtherReceivables|TradeReceivables",)),
    Rule("total_current_liabilities", "stock", ("LiabilitiesCurrent",), ("CurrentLiabilities",)),
    Rule("total_equity", "stock",
         ("StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest",
          "StockholdersEquity + [MinorityInterest]",
          "PartnersCapitalIncludingPortionAttributableToNoncontrollingInterest|PartnersCapital"
          "|MembersEquity"),
         ("Equity", "EquityAttributableToOwnersOfParent")),
    Rule("common_equity", "stock",
         ("CommonStockholdersEquity",
          "StockholdersEquity - [PreferredStockValue|PreferredStockValueOutstanding]",
          "PartnersCapital|MembersEquity"),
         ("EquityAttributableToOwnersOfParent", "Equity")),
    Rule("total_liabilities", "stock",
         ("Liabilities",
          # What stands between liabilities and equity (redeemable interests) is neither.
          "LiabilitiesAndStockholdersEquity - total_equity"
          " - [TemporaryEquityCarryingAmountIncludingPortionAttributableToNoncontrollingInterests|"
          "TemporaryEquityCarryingAmount|RedeemableNoncontrollingInterestEquityCarryingAmount]"),
         ("Liabilities", "EquityAndLiabilities - Equity", "CurrentLiabilities + NoncurrentLiabilities")),
    Rule("retained_earnings", "stock",
         ("RetainedEarningsAccumulatedDeficit",
          "RetainedEarningsUnappropriated + [RetainedEarningsAppropriated]",
          "DevelopmentStageEnterpriseDeficitAccumulatedDuringDevelopmentStage"),
         ("RetainedEarnings|RetainedEarningsExcludingProfitLossForReportingPeriod",)),
    Rule("cash", "stock",
         ("CashCashEquivalentsAndShortTermInvestments",
          "CashAndCashEquivalentsAtCarryingValue"
          " + [MarketableSecuritiesCurrent|ShortTermInvestments"
          "|AvailableForSaleSecuritiesDebtSecuritiesCurrent|AvailableForSaleSecuritiesCurrent|OtherShortTermInvestments]",
          "CashCashEquivalentsRestrictedCashAndRestrictedCashEquivalents|Cash|CashAndDueFromBanks"),
         ("CashAndCashEquivalents + [ShorttermInvestments|CurrentInvestments]",
          "CashAndCashEquivalentsIfDifferentFromStatementOfFinancialPosition|Cash")),
    Rule("total_long_term_debt", "stock",
         ("LongTermDebtNoncurrent|LongTermDebtAndCapitalLeaseObligations",
          "LongTermDebt - LongTermDebtCurrent",
          "[LongTermNotesPayable|SeniorLongTermNotes|UnsecuredLongTermDebt]"
          " + [ConvertibleLongTermNotesPayable|ConvertibleDebtNoncurrent]"
          " + [LongTermLineOfCredit] + [OtherLongTermDebtNoncurrent]",
          "LongTermDebt|LongTermDebtAndCapitalLeaseObligationsIncludingCurrentMaturities"),
         ("NoncurrentPortionOfNoncurrentBorrowings|NoncurrentPortionOfNoncurrentLoansReceived",
          "LongtermBorrowings - [CurrentPortionOfLongtermBorrowings]",
          "NoncurrentPortionOfNoncurrentBondsIssued + [NoncurrentPortionOfOtherNoncurrentBorrowings]",
          "Borrowings - CurrentBorrowingsAndCurrentPortionOfNoncurrentBorrowings|ShorttermBorrowings")),
    Rule("short_term_debt", "stock",
         ("DebtCurrent",
          "[LongTermDebtCurrent|LongTermDebtAndCapitalLeaseObligationsCurrent|NotesPayableCurrent"
          "|ConvertibleNotesPayableCurrent|ConvertibleDebtCurrent]"
          " + [ShortTermBorrowings|CommercialPaper|ShortTermBankLoansAndNotesPayable|LinesOfCreditCurrent"
          "|OtherShortTermBorrowings]"),
         ("CurrentBorrowingsAndCurrentPortionOfNoncurrentBorrowings",
          "[CurrentPortionOfLongtermBorrowings|CurrentPortionOfNoncurrentBorrowings]"
          " + [ShorttermBorrowings]")),
    Rule("total_debt", "stock",
         ("DebtLongtermAndShorttermCombinedAmount", "total_long_term_debt + [short_term_debt]"),
         ("Borrowings", "total_long_term_debt + [short_term_debt]")),
    Rule("net_fixed_assets", "stock",
         ("PropertyPlantAndEquipmentNet|"
          "PropertyPlantAndEquipmentAndFinanceLeaseRightOfUseAssetAfterAccumulatedDepreciationAndAmortization|"
          "PublicUtilitiesPropertyPlantAndEquipmentNet|RealEstateInvestmentPropertyNet",),
         ("PropertyPlantAndEquipmentIncludingRightofuseAssets|PropertyPlantAndEquipment",)),
    Rule("accounts_payable", "stock",
         ("AccountsPayableCurrent|AccountsPayableTradeCurrent|AccountsPayableAndAccruedLiabilitiesCurrent"
          "|AccountsPayableCurrentAndNoncurrent",),
         ("TradeAndOtherCurrentPayables|TradeAndOtherCurrentPayablesToTradeSuppliers|TradeAndOtherPayables",)),
    Rule("shares_outstanding", "shares",
         ("CommonStockSharesOutstanding|SharesOutstanding", "EntityCommonStockSharesOutstanding"),
         ("NumberOfSharesOutstanding", "EntityCommonStockSharesOutstanding")),
    # -- flows of the period ----------------------------------------------------------------------
    Rule("net_sales", "flow",
         # The total first: contract revenue is but a part of it for insurers, lessors and banks.
         ("Revenues|RevenueFromContractWithCustomerExcludingAssessedTax|SalesRevenueNet"
          "|RevenueFromContractWithCustomerIncludingAssessedTax|RevenuesNetOfInterestExpense",
          "SalesRevenueGoodsNet + [SalesRevenueServicesNet]", "SalesRevenueServicesNet",
          "RegulatedAndUnregulatedOperatingRevenue|ElectricUtilityRevenue|OilAndGasRevenue|HealthCareOrganizationRevenue"
          "|RealEstateRevenueNet|SalesRevenueServicesGross|SalesRevenueGoodsGross"),
         ("Revenue|RevenueFromContractsWithCustomers", "RentalIncome")),
    Rule("cost_of_goods_sold", "flow",
         ("CostOfRevenue|CostOfGoodsAndServicesSold|CostOfServices"
          "|CostOfGoodsAndServiceExcludingDepreciationDepletionAndAmortization",
          "CostOfGoodsSold + [CostOfServices]",
          "net_sales - GrossProfit"),
         ("CostOfSales", "net_sales - GrossProfit")),
    Rule("gross_profit", "flow", ("GrossProfit", "net_sales - cost_of_goods_sold"),
         ("GrossProfit", "net_sales - cost_of_goods_sold")),
    Rule("interest_expense", "flow",
         ("InterestExpense|InterestExpenseNonoperating|InterestAndDebtExpense|InterestExpenseDebt"
          "|InterestExpenseOperating",),
         ("InterestExpense|FinanceCosts|InterestExpenseOnBorrowings",)),
    Rule("pretax_income", "flow",
         (f"{_PRETAX}ExtraordinaryItemsNoncontrollingInterest"
          f"|{_PRETAX}MinorityInterestAndIncomeLossFromEquityMethodInvestments",
          f"{_PRETAX}Domestic + {_PRETAX}Foreign"),
         ("ProfitLossBeforeTax",)),
    Rule("income_tax", "flow", ("IncomeTaxExpenseBenefit",),
         ("IncomeTaxExpenseContinuingOperations",)),
    Rule("net_income", "flow",
         ("NetIncomeLoss|ProfitLoss|NetIncomeLossAvailableToCommonStockholdersBasic",),
         ("ProfitLossAttributableToOwnersOfParent|ProfitLoss",)),
    Rule("continuing_income", "flow",
         ("IncomeLossFromContinuingOperations"
          "|IncomeLossFromContinuingOperationsIncludingPortionAttributableToNoncontrollingInterest",
          "pretax_income - income_tax"),
         ("ProfitLossFromContinuingOperations", "pretax_income - income_tax")),
    Rule("ebit", "flow", ("OperatingIncomeLoss", "pretax_income + interest_expense"),
         ("ProfitLossFromOperatingActivities", "pretax_income + interest_expense")),
    Rule("amortization", "flow", ("AmortizationOfIntangibleAssets",),
         ("AmortisationIntangibleAssetsOtherThanGoodwill|AmortisationExpense",)),
    Rule("depreciation_amortization", "flow",
         ("DepreciationDepletionAndAmortization|DepreciationAmortizationAndAccretionNet"
          "|DepreciationAndAmortization|DepreciationAmortizationAndOther",
          "Depreciation|DepreciationNonproduction + [AmortizationOfIntangibleAssets]"),
         ("DepreciationAndAmortisationExpense|AdjustmentsForDepreciationAndAmortisationExpense",
          "DepreciationExpense|AdjustmentsForDepreciationExpense + [amortization]")),
    # Operating income and what was written off, so that the two always agree.
    Rule("ebitda", "flow", ("ebit + depreciation_amortization",), ("ebit + depreciation_amortization",)),
    # Costs before depreciation, as the scoring engine means them: not the tag OperatingExpenses, which
    # leaves out the cost of sales.
    Rule("total_operating_expenses", "flow", ("net_sales - ebitda",), ("net_sales - ebitda",)),
    Rule("sga_expense", "flow",
         ("SellingGeneralAndAdministrativeExpense",
          "GeneralAndAdministrativeExpense + [SellingAndMarketingExpense|SellingExpense|MarketingExpense]"),
         ("AdministrativeExpense|GeneralAndAdministrativeExpense"
          " + [DistributionCosts|SellingExpense|SalesAndMarketingExpense]",
          "SellingGeneralAndAdministrativeExpense")),
    Rule("unusual_items", "flow",
         ("- [RestructuringCharges|RestructuringSettlementAndImpairmentProvisions]"
          " - [AssetImpairmentCharges|GoodwillAndIntangibleAssetImpairment|GoodwillImpairmentLoss]",),
         ("- [ImpairmentLossRecognisedInProfitOrLoss]"
          " - [ExpenseOfRestructuringActivities]",)),
    Rule("operating_cash_flow", "flow",
         ("NetCashProvidedByUsedInOperatingActivities"
          "|NetCashProvidedByUsedInOperatingActivitiesContinuingOperations",),
         ("CashFlowsFromUsedInOperatingActivities|CashFlowsFromUsedInOperatingActivitiesContinuingOperations",)),
    Rule("capex", "flow",
         ("PaymentsToAcquirePropertyPlantAndEquipment|PaymentsToAcquireProductiveAssets"
          "|PaymentsForCapitalImprovements|PaymentsToAcquireOtherPropertyPlantAndEquipment",),
         ("PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities"
          "|PurchaseOfPropertyPlantAndEquipmentIntangibleAssetsOtherThanGoodwillInvestmentPropertyAndOtherNoncurrentAssets",)),
    Rule("preferred_dividends", "flow",
         ("PreferredStockDividendsIncomeStatementImpact|PreferredStockDividendsAndOtherAdjustments"
          "|DividendsPreferredStock",),
         ("DividendsRecognisedAsDistributionsToOwnersOfParentPreferredShares",)),
)  # fmt: skip

# Left empty on purpose: EDGAR knows no prices, so the market value of equity is none of its facts.
NOT_FOUND_HERE: Final = frozenset({"market_cap"})

# Flows by which a filing shows which periods it is about.
PERIOD_TAGS: Final = frozenset(
    {"NetIncomeLoss", "ProfitLoss", "ProfitLossAttributableToOwnersOfParent", "OperatingIncomeLoss"}
    | {"Revenues", "SalesRevenueNet", "RevenueFromContractWithCustomerExcludingAssessedTax", "Revenue"}
    | {"NetCashProvidedByUsedInOperatingActivities", "CashFlowsFromUsedInOperatingActivities"}
    | {"IncomeTaxExpenseBenefit", "ProfitLossBeforeTax", "NetIncomeLossAvailableToCommonStockholdersBasic"}
)
# The forms whose facts become statements; 8-K and proxies repeat some figures without their context.
ANNUAL_FORMS: Final = frozenset(
    f"{form}{amended}"
    for form in ("10-K", "10-K405", "10-KSB", "10-KT", "20-F", "40-F")
    for amended in ("", "/A")
)
QUARTERLY_FORMS: Final = frozenset({"10-Q", "10-Q/A", "10-QT", "10-QT/A", "10-QSB", "10-QSB/A"})
FORMS: Final = ANNUAL_FORMS | QUARTERLY_FORMS


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a formula: the first that is reported of ``names``, added or taken away."""

    sign: int
    names: tuple[str, ...]
    optional: bool


_TERM: Final = re.compile(r"\s*([+-])?\s*(\[[^\]]+\]|[A-Za-z_|]+)")


@cache
def terms(formula: str) -> tuple[Term, ...]:
    """The parts of a formula; ValueError where it is not written as this module says."""
    found, position = [], 0
    while position < len(formula):
        match = _TERM.match(formula, position)
        if match is None:
            raise ValueError(f"not a formula: {formula!r}")
        names = match[2].strip("[]").split("|")
        found.append(Term(-1 if match[1] == "-" else 1, tuple(names), match[2].startswith("[")))
        position = match.end()
    return tuple(found)


@cache
def known_tags() -> frozenset[str]:
    """Every tag that some formula reads: the facts that are worth keeping."""
    return PERIOD_TAGS | {
        name
        for rule in RULES
        for formula in (*rule.us_gaap, *rule.ifrs)
        for term in terms(formula)
        for name in term.names
        if not name.islower()
    }


def formulas(rule: Rule, *, ifrs: bool) -> tuple[str, ...]:
    """The formulas of a rule under a taxonomy."""
    return rule.ifrs if ifrs else rule.us_gaap


RULE_OF: Final[Mapping[str, Rule]] = {rule.item: rule for rule in RULES}
