"""Routes of the platform's own hosts: the API and the platform's console."""

from django.urls import path
from django.views.generic import RedirectView

from accounts.console import platform_site
from config.urls_common import common, handler400, handler403, handler404

handler500 = "accounts.console.server_error"
to_console = RedirectView.as_view(pattern_name="admin:index")

urlpatterns = [
    *common,
    path("", to_console),
    path("admin", to_console),
    path("admin/", platform_site.urls),
]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
