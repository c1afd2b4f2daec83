"""What a linter cannot say: doors that only named modules may open. A door nobody uses is removed."""

from __future__ import annotations

import ast

from config.env import ROOT

# ml knows no database.
APPS = ("config", "tenants", "accounts", "organizations", "companies", "predictions")
# What goes around the guards, and the modules that may.
DOORS = {
    "_base_manager": {"tenants/kernel/checks.py", "tenants/kernel/copying.py"},
    "raw": set(),
    "extra": set(),
    "cursor": {
        "companies/search.py",
        "tenants/kernel/audit/database.py",
        "tenants/exporting.py",
        "tenants/kernel/copying.py",
        "tenants/kernel/locks.py",
        "tenants/kernel/replicas.py",
        "tenants/provisioning.py",
    },
    "set_tenant": {"tenants/kernel/context.py"},
    "set_schema": {"tenants/kernel/context.py"},
    "set_schema_to_public": {"tenants/kernel/context.py", "tenants/provisioning.py"},
    "every_organization": {
        "companies/lists/personal.py",
        "companies/selectors.py",
        "companies/tasks.py",
        "predictions/flags/tasks.py",
        "companies/connectors/local.py",
        "companies/connectors/tasks.py",
        "companies/imports/tasks.py",
        "predictions/exporting/tasks.py",
        "predictions/dry_runs/tasks.py",
        "organizations/joining/",
        "organizations/notices/",
        "organizations/onboarding/services.py",
        "organizations/opening.py",
        "organizations/services/",
        "predictions/management/",
        "predictions/retention.py",
        "predictions/monitoring/tasks.py",
        "predictions/schedules/tasks.py",
        "predictions/services/dispatching.py",
        "predictions/shadowing.py",
        "predictions/tasks.py",
        "predictions/usage.py",
        "tenants/kernel/jobs.py",
    },
    # The environment is read in one place; the launcher writes and passes it on.
    "environ": {"config/env.py", "config/asgi.py", "config/celery.py", "config/wsgi.py", "config/local/"},
}


def uses():
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/" in name or "/tests/" in name:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and node.attr in DOORS:
                    yield node.attr, name, node.lineno
                if isinstance(node, ast.ImportFrom):
                    yield from ((a.name, name, node.lineno) for a in node.names if a.name in DOORS)


def allowed(door, name):
    return next((m for m in DOORS[door] if name == m or (m.endswith("/") and name.startswith(m))), None)


def test_doors_are_opened_only_where_named():
    assert [use for use in uses() if not allowed(use[0], use[1])] == []


def test_no_door_is_stale():
    seen = {(door, allowed(door, name)) for door, name, _ in uses()}
    assert {(door, module) for door, modules in DOORS.items() for module in modules} - seen == set()


def test_no_task_runs_eagerly():
    for path in (ROOT / "config").rglob("*.py"):
        if "tests" not in path.parts:
            assert "ALWAYS_EAGER" not in path.read_text()
