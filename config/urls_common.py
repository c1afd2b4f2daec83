"""What every host answers: the API, its description, the public keys."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

from accounts.api.viewsets import jwks
from accounts.recovery import pages
from config.api import routes
from organizations.joining.pages import join_page
from tenants.branding import logo

handler400 = "tenants.kernel.problem.bad_request"
handler403 = "tenants.kernel.problem.permission_denied"
handler404 = "tenants.kernel.problem.page_not_found"
handler500 = "tenants.kernel.problem.server_error"


def documentation() -> list[URLPattern | URLResolver]:
    """The API description and its two readers, where the setting shows them."""
    if not settings.SHOW_API_DOCS:
        return []
    swagger = SpectacularSwaggerSplitView.as_view(url_name="schema")
    redoc = SpectacularRedocView.as_view(url_name="schema")
    return [
        re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
        re_path(r"^(api/)?docs/?$", swagger, name="docs"),
        re_path(r"^(api/)?redoc/?$", redoc, name="redoc"),
    ]


def icon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for on pages that name no icon."""
    return HttpResponseRedirect(static("console/icon.svg"))


common: list[URLPattern | URLResolver] = [
    *documentation(),
    path("favicon.ico", icon),
    path(".well-known/jwks.json", jwks, name="jwks"),
    path("branding/<uuid:tenant_id>/<str:name>", logo, name="logo"),
    *pages.urls(),
    path("api/", include(routes())),
    re_path(r"^join/(?P<secret>[A-Za-z0-9._-]{1,128})/?$", join_page, name="join"),
]
