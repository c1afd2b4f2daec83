"""Routes of watchlists and notes."""

from companies.lists.api.viewsets import NoteViewSet, WatchlistViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("watchlists", WatchlistViewSet, basename="watchlists")
router.register("notes", NoteViewSet, basename="notes")
