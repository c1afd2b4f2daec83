"""`.env.example` names every variable that the code asks for, says what it does, and shows its default."""

from __future__ import annotations

import ast
import re

import pytest

from config.env import ROOT

EXAMPLE = (ROOT / ".env.example").read_text()
READERS = {"text", "number", "flag", "listing", "database", "redis_url"}
NAME = re.compile(r"[A-Z][A-Z0-9_]+")
# Read as variables, but no settings: what make hands on, the search path, which test process it is.
NO_SETTINGS = {"ARGS", "PATH", "PYTEST_XDIST_WORKER"}


def constants(nodes):
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def default_of(node):
    """A default as the file shows it; None where it cannot be read off the code."""
    if isinstance(node, ast.Constant):
        return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = default_of(node.left), default_of(node.right)
        return str(int(left) * int(right)) if left and right else None
    return None


def reader_of(call):
    """Which of config.env's readers a call is, from within that module or from outside."""
    function = call.func
    if isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "env":
        return function.attr if function.attr in READERS else None
    return function.id if isinstance(function, ast.Name) and function.id in READERS else None


def settings_asked_for():
    """Name and default of every variable that settings and config.env read."""
    for path in [ROOT / "config" / "env.py", *(ROOT / "config" / "settings").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and reader_of(node):
                names = constants(node.args[:1]) + constants(node.args[2:])
                given = node.args[1:2] or [k.value for k in node.keywords if k.arg == "default"]
                for name in names:
                    yield name, default_of(given[0]) if given else None


def others_asked_for():
    """Names that are looked up in a mapping of the environment, and those that compose fills in."""
    for path in [ROOT / "config" / "env.py", *(ROOT / "config" / "local").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "get"
            ):
                yield from (name for name in constants(node.args[:1]) if NAME.fullmatch(name))
    yield from re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text())


DEFAULTS: dict[str, set[str]] = {"DATABASE_URL": set()}
for variable, default in settings_asked_for():
    DEFAULTS.setdefault(variable, set()).update({default} - {None, ""})
for variable in others_asked_for():
    DEFAULTS.setdefault(variable, set())
ASKED_FOR = {name for name in DEFAULTS if NAME.fullmatch(name)} - NO_SETTINGS
SHOWN = dict(re.findall(r"^#([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_every_variable_is_named_and_none_is_stale():
    assert set(SHOWN) == ASKED_FOR


def test_the_readers_are_found():
    """The lists above are not empty by accident."""
    assert {"SECRET_KEY", "DATABASE_URL", "PORT", "REDIS_HOST", "PG_BIN", "POSTGRES_PASSWORD"} <= ASKED_FOR


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_variable_has_its_line_of_comment_and_its_default(name):
    before = EXAMPLE.partition(f"#{name}=")[0].splitlines()[-1]
    assert re.match(r"# \S.*\.$", before), "the line above says what it does"
    if DEFAULTS[name]:
        assert SHOWN[name] in DEFAULTS[name]


def test_nothing_is_set_by_copying_the_file():
    assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")] == []
