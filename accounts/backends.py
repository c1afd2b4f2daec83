"""Log-in by e-mail address without regard to case."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.models import User
from accounts.standing.services import suspension_is_over
from tenants.kernel.context import in_public


class EmailBackend(BaseBackend):
    """Checks an address and a password; an unknown address costs as long as a known one."""

    def authenticate(
        self, request: HttpRequest | None, username: str = "", password: str = "", **_: Any
    ) -> User | None:
        with in_public():
            user = User.objects.by_email(username)
            if user is None:
                make_password(password)
                return None
            if not user.check_password(password):
                return None
            return user if user.is_active or suspension_is_over(user) else None

    def get_user(self, user_id: UUID) -> User | None:
        with in_public():
            return User.objects.filter(pk=user_id, is_active=True).first()
