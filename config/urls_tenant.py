"""Routes of a tenant's host: the API and the tenant's console."""

from django.urls import path
from django.views.generic import RedirectView

from accounts.console import tenant_site
from config.urls_common import common, handler400, handler403, handler404

handler500 = "accounts.console.server_error"
to_console = RedirectView.as_view(pattern_name="admin:index")

urlpatterns = [
    *common,
    path("", to_console),
    path("admin", to_console),
    path("admin/", tenant_site.urls),
]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
