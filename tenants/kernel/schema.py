"""The API description: problems on every operation, one form of every address."""

from __future__ import annotations

from threading import Lock
from typing import Any, ClassVar, Literal

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from tenants import modules
from tenants.kernel import scope, serializers

# By action: the word for it, and whether it is about many rows.
VERBS = {
    "list": ("List", True),
    "retrieve": ("Show one", False),
    "create": ("Make one", False),
    "update": ("Change one", False),
    "partial_update": ("Change one", False),
    "destroy": ("Remove one", False),
}
# For `extend_schema` where everything comes in one answer.
ONE_PAGE = [OpenApiParameter(name, exclude=True) for name in ("page", "size", "cursor")]
# Descriptions of about 10 MB each that a process keeps.
MOST_CHOICES = 16


class ProblemErrorSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="JSON pointer to the field.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="One short readable sentence.")
    instance = serializers.CharField(allow_null=True)
    code = serializers.CharField(help_text="Stable and machine-readable: switch on this.")
    request_id = serializers.CharField()
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # the RFC's name


class ProblemAutoSchema(AutoSchema):
    """Adds the problems that an operation may answer, from what it declares."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        # The generator asks models for empty querysets: give it a scope that sees nothing.
        with scope.organizations((), reason="API description"):
            operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        return operation

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if getattr(self.view, "action", None) in getattr(self.view, "versioned", ()):
            text = "The ETag of the state that the change was made from; another state answers 412 `stale`."
            parameters.append(OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description=text))
        return parameters

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._problems():
            if status not in bodies:
                bodies[status] = self._get_response_for_code(
                    ProblemSerializer, status, media_types=["application/problem+json"]
                )
        return bodies

    def _problems(self) -> list[str]:
        """Statuses of the problems that the operation may answer, whatever it does.

        404 also stands for a module that is off and for what a body or a filter names, 409 for the state of
        the organization; anonymous operations know wrong passwords and closed doors as well.
        """
        statuses = ["400", "401", "403", "404", "409", "414", "429"]
        if self.method in {"POST", "PUT", "PATCH"}:
            # A body that is too large or of another kind; an idempotency key with another body.
            statuses += ["413", "415", "422"]
        if getattr(self.view, "action", None) in getattr(self.view, "versioned", ()):
            statuses.append("412")
        return statuses

    def get_summary(self) -> str | None:
        """What the operation declares, else the plain verb over the kind of rows."""
        said: str | None = super().get_summary()
        verb = VERBS.get(str(getattr(self.view, "action", "")))
        if said or verb is None:
            return said
        word, many = verb
        model = getattr(self.view, "model", None)
        kind = getattr(self.view, "kind", "")
        if model is None:
            names = self.get_tags()[0]
        else:
            names = str(model._meta.verbose_name_plural if many else model._meta.verbose_name)
        return " ".join(filter(None, (word, str(kind), names)))


class TimeOfDay(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A time of day has no zone, which the format `time` asks for."""

    target_class = "rest_framework.serializers.TimeField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$"}


class KeptSchemaGenerator(SchemaGenerator):
    """Makes the description once for each choice of modules, and one at a time.

    The views of the API hold the generator's state while it works, so two threads that describe together
    lose each other's components. A description takes seconds and changes only with the code.
    """

    kept: ClassVar[dict[frozenset[str], dict[str, Any]]] = {}
    lock = Lock()

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        choice = frozenset(code for code in modules.MODULES if modules.is_on(code))
        with self.lock:
            if choice not in self.kept:
                if len(self.kept) >= MOST_CHOICES:
                    self.kept.clear()
                self.kept[choice] = super().get_schema(request=request, public=public)
            return self.kept[choice]


def only_modules_on(endpoints: list[Any], **_: Any) -> list[Any]:
    """Leave out the operations of modules that are switched off for the tenant who asks."""
    return [e for e in endpoints if _is_on(e[2], e[3])]


def _is_on(method: str, callback: Any) -> bool:
    viewset = getattr(callback, "cls", None)
    if viewset is None or not hasattr(viewset, "modules_of"):
        return True
    action = getattr(callback, "actions", {}).get(method.lower())
    return all(modules.is_on(code) for code in viewset.modules_of(action))


def only_versioned(endpoints: list[Any], **_: Any) -> list[Any]:
    """Describe each operation once, under /api/v1; aliases answer the same."""
    return [e for e in endpoints if e[0].startswith("/api/v1/")]


def without_trailing_slash(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Write addresses without the optional slash."""
    result["paths"] = {path.rstrip("/"): item for path, item in result["paths"].items()}
    return result


def with_empty_values(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say of parameters that may be left out that they may be empty too, which is the same."""
    for item in result["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and not parameter.get("required"):
                    parameter["allowEmptyValue"] = True
    return result
