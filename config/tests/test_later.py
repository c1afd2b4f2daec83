"""Libraries that wait until they are used: not loaded by the platform, whole once they are asked for."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from config import later

_SETUP = "import sys, django; django.setup(); import config.urls_tenant, config.urls_public"
_HEAVY = ("pandas.core", "openpyxl", "boto3", "reportlab", "xgboost")
_LOADED = f"print([name for name in {_HEAVY} if name in sys.modules])"


def test_setting_the_platform_up_loads_no_library_that_most_processes_never_use():
    asked = subprocess.run(
        [sys.executable, "-c", f"{_SETUP}; {_LOADED}"], capture_output=True, text=True, check=True
    )

    assert asked.stdout.strip() == "[]"


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of two modules, neither loaded."""
    package = tmp_path / "slow_library"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import time\ntime.sleep(0.05)\nfrom slow_library.part import answer\n"
    )
    (package / "part.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "slow_library"
    for name in [name for name in sys.modules if name.startswith("slow_library")]:
        del sys.modules[name]


def test_a_postponed_library_is_loaded_by_the_first_who_asks(library):
    later.postpone(library)
    import slow_library

    assert "slow_library.part" not in sys.modules
    assert slow_library.answer == 42
    assert "slow_library.part" in sys.modules


def test_a_part_of_a_postponed_library_can_be_imported(library):
    later.postpone(library)

    from slow_library.part import answer

    assert answer == 42


def test_threads_that_ask_at_one_moment_all_get_it_whole(library):
    later.postpone(library)
    import slow_library

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: slow_library.answer, range(8)))

    assert found == [42] * 8


def test_a_library_that_cannot_be_loaded_says_so_each_time(library, tmp_path):
    (tmp_path / library / "__init__.py").write_text("raise ImportError('broken')\n")
    later.postpone(library)
    import slow_library

    for _ in range(2):
        with pytest.raises(ImportError, match="broken"):
            slow_library.answer  # noqa: B018 - asking is the point


def test_what_is_not_installed_stays_so():
    later.postpone("no_such_library")

    with pytest.raises(ModuleNotFoundError):
        import no_such_library  # noqa: F401
