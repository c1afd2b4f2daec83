"""Foreign keys of rows that come by the million, checked in sets by the database itself.

A foreign key asks one query for each row. For a score, its head and the company they hang on that was half of
what it cost to store them. The triggers here hold the same chain with one query for each statement: a score's
prediction is there, a prediction's company is there and of the prediction's organization. Like a foreign key
they lock what is referred to until the transaction ends (FOR KEY SHARE), refuse to remove it while somebody
refers to it, and raise ``foreign_key_violation``. Unlike one they ask at the end of the statement and not of
the transaction, and they see that the organizations agree.
"""

from __future__ import annotations

_RAISE = """
    RAISE EXCEPTION '{message}' USING ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA,
        TABLE = TG_TABLE_NAME, CONSTRAINT = '{name}';
"""


def _function(name: str, wrong: str, message: str) -> str:
    """A trigger's function: ``wrong`` is true where rows of the statement break the chain."""
    return f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE wrong boolean;
BEGIN
    EXECUTE format($sql$ SELECT {wrong} $sql$, TG_TABLE_SCHEMA) INTO wrong;
    IF wrong THEN
        {_RAISE.format(message=message, name=name)}
    END IF;
    RETURN NULL;
END $body$
"""


def _missing(asked: str, found: str) -> str:
    """True when of the pairs asked for not every one is found and locked."""
    return (
        f"(WITH a AS MATERIALIZED ({asked}) SELECT (SELECT count(*) FROM a) <> "
        f"(SELECT count(*) FROM (SELECT 1 FROM {found} FOR KEY SHARE OF p) b))"
    )


def _score(asked: str) -> str:
    return _missing(asked, "%1$I.predictions_prediction p JOIN a ON a.prediction_id = p.id")


def _head(asked: str) -> str:
    return _missing(
        asked,
        "%1$I.companies_company p JOIN a ON a.company_id = p.id AND a.organization_id = p.organization_id",
    )


_NO_HEAD = "a score without its prediction"
_NO_COMPANY = "a prediction without its company, or of another organization"
_CHANGED = "FROM changed c LEFT JOIN gone g USING (id) WHERE"
_FUNCTIONS = (
    (
        "score_chain",
        # A head whose current score is this very one was written by this transaction, which holds it until it
        # ends: nobody else knows the score's identifier yet. So the heads of a file need no second lock.
        _score(
            "SELECT DISTINCT c.prediction_id FROM changed c LEFT JOIN %1$I.predictions_prediction own "
            "ON own.id = c.prediction_id AND own.current_id = c.id WHERE own.id IS NULL"
        ),
        _NO_HEAD,
    ),
    (
        "score_chain_moved",
        _score(
            f"SELECT DISTINCT c.prediction_id {_CHANGED} c.prediction_id IS DISTINCT FROM g.prediction_id"
        ),
        _NO_HEAD,
    ),
    ("head_chain", _head("SELECT DISTINCT company_id, organization_id FROM changed"), _NO_COMPANY),
    (
        "head_chain_moved",
        _head(
            f"SELECT DISTINCT c.company_id, c.organization_id {_CHANGED} "
            "(c.company_id, c.organization_id) IS DISTINCT FROM (g.company_id, g.organization_id)"
        ),
        _NO_COMPANY,
    ),
    (
        "head_chain_gone",
        "EXISTS (SELECT 1 FROM gone g JOIN %1$I.predictions_score s ON s.prediction_id = g.id)",
        "a prediction that still has scores",
    ),
    (
        "company_chain_gone",
        "EXISTS (SELECT 1 FROM gone g JOIN %1$I.predictions_prediction p ON p.company_id = g.id)",
        "a company that still has predictions",
    ),
)
_INSERT = "AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed"
_UPDATE = "AFTER UPDATE ON {table} REFERENCING OLD TABLE AS gone NEW TABLE AS changed"
_DELETE = "AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone"
_TRIGGERS = (
    ("score_chain", _INSERT, "predictions_score"),
    ("score_chain_moved", _UPDATE, "predictions_score"),
    ("head_chain", _INSERT, "predictions_prediction"),
    ("head_chain_moved", _UPDATE, "predictions_prediction"),
    ("head_chain_gone", _DELETE, "predictions_prediction"),
    ("company_chain_gone", _DELETE, "companies_company"),
)


def functions() -> list[str]:
    """The triggers' functions, also over older ones."""
    return [_function(*parts) for parts in _FUNCTIONS]


def statements() -> list[str]:
    """Everything that the first migration runs, in order."""
    triggers = [
        f"CREATE TRIGGER a_{name} {event.format(table=table)} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        for name, event, table in _TRIGGERS
    ]
    return [*functions(), *triggers]


def undoing() -> list[str]:
    """What takes all of it away again."""
    return [f"DROP FUNCTION IF EXISTS {name}() CASCADE" for name, _, _ in _FUNCTIONS]
