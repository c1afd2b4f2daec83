"""Routes of predictions."""

from tenants.kernel.routers import Router

router = Router()
