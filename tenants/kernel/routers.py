"""Routes that answer with and without the trailing slash, and never redirect."""

from typing import Any, ClassVar

from rest_framework.routers import SimpleRouter

_list: Any = SimpleRouter.routes[0]


class Router(SimpleRouter):
    # What there is one of (the caller's tenant) is changed at the address of the list.
    routes: ClassVar[list[Any]] = [  # type: ignore[misc]  # the library declares it without ClassVar
        _list._replace(mapping={**_list.mapping, "patch": "amend"}),
        *SimpleRouter.routes[1:],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
