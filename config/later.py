"""Libraries that are loaded when something of them is first asked for, not when somebody imports them.

Web and stream servers, and every command, import the whole platform, and with it pandas, which only files
and the engine need: 28 MB and a third of a second for a process that may never use it.
`importlib.util.LazyLoader` does the same, but two threads that ask at the same moment can meet a half-loaded
module before Python 3.12.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until an attribute of it is asked for."""

    def __init__(self, name: str, spec: ModuleSpec) -> None:
        super().__init__(name)
        self.__spec__ = spec
        # Of its own: loading one postponed module may ask for another.
        self.__dict__["_loading"] = RLock()

    def __getattr__(self, attribute: str) -> Any:
        return getattr(_loaded(self), attribute)


def postpone(*names: str) -> None:
    """Have libraries loaded on first use; what is loaded already, or not installed, stays as it is."""
    for name in names:
        spec = PathFinder.find_spec(name)
        if name not in sys.modules and spec is not None:
            sys.modules[name] = _Later(name, spec)


def _loaded(module: _Later) -> ModuleType:
    name = module.__name__
    with module._loading:
        if sys.modules.get(name) is module:
            del sys.modules[name]
            try:
                real = importlib.import_module(name)
            except BaseException:
                sys.modules[name] = module
                raise
            # Who imported it early holds the stand-in: from now on it answers as fast.
            module.__dict__.update(real.__dict__)
        return sys.modules[name]
