"""Routes of the platform's own hosts."""

from config.urls_common import common, handler400, handler403, handler404, handler500

urlpatterns = [*common]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
