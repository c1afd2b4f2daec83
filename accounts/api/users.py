"""Users: the signed-in one, and those whom an administrator looks after."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import client
from accounts.api.serializers import MeOut
from accounts.models import User
from accounts.permissions import Role
from accounts.privacy import services as privacy
from accounts.profiles import avatars
from accounts.profiles import services as profiles
from accounts.profiles.api.serializers import AvatarIn, EndedOut, ProfileIn
from accounts.recovery import services as recovery
from accounts.recovery.api.actions import said
from accounts.recovery.api.serializers import AddressIn, PasswordIn, SaidOut
from accounts.standing import selectors, services
from accounts.standing.api.filters import UserFilter
from accounts.standing.api.serializers import (
    StandingReasonIn,
    StatusChangeOut,
    StatusHistoryOut,
    SuspendIn,
    UserOut,
)
from tenants.kernel import request as request_info
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, InvalidInput
from tenants.kernel.principal import BY_KEY, CONFINED
from tenants.kernel.viewsets import SIGNED_IN, DeclaredViewSet


class UserViewSet(DeclaredViewSet):
    """The account of the caller, and users within his reach."""

    queryset = User.objects.none()  # for the description only
    serializer_class = MeOut
    filterset_class = UserFilter
    list_aliases: ClassVar[dict[str, str]] = {"list": "users"}
    # Answers name people: none is kept for a repeat.
    keeps_answers = False
    watched: ClassVar[dict[str, str]] = {
        "list": "accounts.users.read",
        "retrieve": "accounts.user.read",
        "status_history": "accounts.user.read",
    }
    permissions: ClassVar[dict[str, str]] = {
        "me": SIGNED_IN,
        "change_me": SIGNED_IN,
        "profile": SIGNED_IN,
        "change_profile": SIGNED_IN,
        "change_own_profile": SIGNED_IN,
        "change_own_password": SIGNED_IN,
        "change_email": SIGNED_IN,
        "my_avatar": SIGNED_IN,
        "set_avatar": SIGNED_IN,
        "remove_avatar": SIGNED_IN,
        "list": "members.read",
        "retrieve": "members.read",
        "avatar": "members.read",
        "status_history": "members.read",
        "destroy": "members.change",
        "activate": "members.change",
        "deactivate": "members.change",
        "suspend": "members.change",
        "lift": "members.change",
        "sign_out": "members.change",
        "resend_verification": "members.change",
    }
    throttles: ClassVar[dict[str, str]] = {
        "change_own_password": "secret",
        "change_email": "mail",
        "resend_verification": "mail",
        "set_avatar": "upload",
    }
    open_to: ClassVar[dict[str, frozenset[str]]] = {
        BY_KEY: frozenset({"me"}),
        CONFINED: frozenset({"me"}),
    }

    # -- the caller himself -------------------------------------------------------------------

    @property
    def _me(self) -> User:
        return cast(User, self.request.user)

    def _shown(self) -> Response:
        return Response(MeOut(self._described(self._me)).data)

    def _described(self, user: User) -> dict[str, Any]:
        """A hook: what apps above add to it."""
        return client.me(user, self.principal)

    def _read(self, serializer_class: type[Any]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    @extend_schema(responses=MeOut, summary="Who am I", tags=["users"])
    @action(detail=False, methods=["get"])
    def me(self, request: Request) -> Response:
        """The same as `/auth/me`."""
        return self._shown()

    @extend_schema(request=ProfileIn, responses=MeOut, summary="Change my profile", tags=["users"])
    @me.mapping.put
    @me.mapping.patch
    def change_me(self, request: Request) -> Response:
        """What is left out stays as it is. Another e-mail address takes `/users/me/email`."""
        changes = self._read(ProfileIn)
        email = changes.pop("email", self._me.email)
        if email.strip().lower() != self._me.email.lower():
            detail = "Change the address with your password, at /users/me/email."
            raise InvalidInput(errors=[{"pointer": "/email", "code": "read_only", "detail": detail}])
        if "sector" in changes:
            changes["sector"] = changes["sector"] or ""
        profiles.profile_update(user=self._me, changes=changes, actor=self.principal.actor)
        return self._shown()

    @extend_schema(responses=MeOut, summary="My profile (alias)", tags=["users"])
    @action(detail=False, methods=["get"])
    def profile(self, request: Request) -> Response:
        """The same as `/users/me`."""
        return self._shown()

    @extend_schema(request=ProfileIn, responses=MeOut, summary="Change my profile (alias)", tags=["users"])
    @profile.mapping.put
    @profile.mapping.patch
    def change_profile(self, request: Request) -> Response:
        """The same as `PUT /users/me`."""
        return self.change_me(request)

    def _assert_mine(self, pk: str) -> None:
        if pk.lower() != str(self._me.id):
            raise Absent()

    @extend_schema(methods=["PUT"], operation_id="users_profile_by_id_update")
    @extend_schema(methods=["PATCH"], operation_id="users_profile_by_id_partial_update")
    @extend_schema(request=ProfileIn, responses=MeOut, summary="Change my profile by id", tags=["users"])
    @action(detail=True, methods=["patch", "put"], url_path="profile", url_name="own-profile")
    def change_own_profile(self, request: Request, pk: str) -> Response:
        """Of the caller only; any other id is 404."""
        self._assert_mine(pk)
        return self.change_me(request)

    @extend_schema(request=PasswordIn, responses=SaidOut, summary="Change my password by id", tags=["users"])
    @action(detail=True, methods=["patch", "put"], url_path="password", url_name="own-password")
    def change_own_password(self, request: Request, pk: str) -> Response:
        """The same as `/auth/change-password`; any other id than the caller's is 404."""
        self._assert_mine(pk)
        data = self._read(PasswordIn)
        recovery.password_change(
            user=self._me,
            session_id=self.principal.session_id,
            current=data["current_password"],
            password=data["new_password"],
            address=request_info.current().address,
            actor=self.principal.actor,
        )
        return said("The password is changed; your other sessions have ended.")

    @extend_schema(request=AddressIn, responses={202: SaidOut}, summary="Change my address", tags=["users"])
    @action(detail=False, methods=["post"], url_path="me/email")
    def change_email(self, request: Request) -> Response:
        """A letter goes to the new address; it replaces the old one when its link is opened."""
        data = self._read(AddressIn)
        recovery.address_change_ask(
            user=self._me,
            email=data["email"],
            password=data["current_password"],
            address=request_info.current().address,
            actor=self.principal.actor,
        )
        return said("Open the link in the letter to the new address.", 202)

    @extend_schema(
        responses={(200, "image/png"): OpenApiTypes.BINARY, 204: None}, summary="My picture", tags=["users"]
    )
    @action(detail=False, methods=["get"], url_path="me/avatar", parser_classes=[MultiPartParser])
    def my_avatar(self, request: Request) -> HttpResponse:
        """As PNG; 204 without one."""
        return picture_answer(self._me)

    @extend_schema(
        request={"multipart/form-data": AvatarIn},
        responses={204: None},
        summary="Set my picture",
        tags=["users"],
    )
    @my_avatar.mapping.put
    @my_avatar.mapping.post
    def set_avatar(self, request: Request) -> Response:
        """Decoded, cut to a square of 256 pixels and written anew as PNG, without metadata."""
        data = self._read(AvatarIn)["file"].read(avatars.MAX_BYTES + 1)
        profiles.avatar_set(user=self._me, data=data, actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses={204: None}, summary="Remove my picture", tags=["users"])
    @my_avatar.mapping.delete
    def remove_avatar(self, request: Request) -> Response:
        """Without a picture nothing happens."""
        profiles.avatar_remove(user=self._me, actor=self.principal.actor)
        return Response(status=204)

    # -- whom the caller looks after ----------------------------------------------------------

    @property
    def _reach(self) -> selectors.Reach:
        return selectors.reach_of(self.principal)

    def _sought(self, pk: str) -> User:
        return selectors.user_in(self._reach, pk)

    def _seen(self, user: User) -> Response:
        [row] = selectors.rows_of([user], self._reach)
        return Response(UserOut(row).data)

    @extend_schema(responses=UserOut(many=True), summary="List users", tags=["users"])
    def list(self, request: Request) -> Response:
        """Of the platform, of the tenant, or of the organization: whatever the caller administers."""
        reach = self._reach
        request._request.users_reach = reach.place  # type: ignore[attr-defined]
        with in_public():
            users = self.filter_queryset(selectors.users_in(reach))
            page = self.paginate_queryset(users) or []
        rows = selectors.rows_of(list(page), reach)
        return self.get_paginated_response(UserOut(rows, many=True).data)

    @extend_schema(responses=UserOut, summary="Get a user", tags=["users"])
    def retrieve(self, request: Request, pk: str) -> Response:
        """404 for a user outside the caller's reach, and for nobody."""
        return self._seen(self._sought(pk))

    @extend_schema(responses={204: None}, summary="Remove a user", tags=["users"])
    def destroy(self, request: Request, pk: str) -> Response:
        """Ends the user's memberships within the reach. On the platform he is archived: nameless for good.

        That takes a fresh proof (`POST /auth/step-up`).
        """
        user, reach = self._sought(pk), self._reach
        if reach.is_platform:
            self.principal.assert_proved()
        privacy.user_end(user=user, reach=reach, actor=self.principal.actor, role=self._role)
        return Response(status=204)

    @property
    def _role(self) -> Role:
        return Role(str(self.principal.role))

    def _stand(self, service: Any, pk: str, serializer_class: type[Any]) -> Response:
        data, user = self._read(serializer_class), self._sought(pk)
        service(user=user, reach=self._reach, actor=self.principal.actor, role=self._role, **data)
        return self._seen(user)

    @extend_schema(request=StandingReasonIn, responses=UserOut, summary="Activate a user", tags=["users"])
    @action(detail=True, methods=["post", "put", "patch"])
    def activate(self, request: Request, pk: str) -> Response:
        """Lets him in again, within the caller's reach."""
        return self._stand(services.user_activate, pk, StandingReasonIn)

    @extend_schema(request=StandingReasonIn, responses=UserOut, summary="Deactivate a user", tags=["users"])
    @action(detail=True, methods=["post", "put", "patch"])
    def deactivate(self, request: Request, pk: str) -> Response:
        """Shuts him out, within the caller's reach; his sessions there end."""
        return self._stand(services.user_deactivate, pk, StandingReasonIn)

    @extend_schema(request=SuspendIn, responses=UserOut, summary="Suspend a user", tags=["users"])
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: str) -> Response:
        """Shuts him out for a time, or until it is lifted; his sessions there end."""
        return self._stand(services.user_suspend, pk, SuspendIn)

    @extend_schema(request=StandingReasonIn, responses=UserOut, summary="Lift a suspension", tags=["users"])
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """Before its time."""
        return self._stand(services.user_lift, pk, StandingReasonIn)

    @extend_schema(responses=StatusHistoryOut, summary="History of a user's standing", tags=["users"])
    @action(
        detail=True, methods=["get"], url_path="status-history", pagination_class=None, filter_backends=()
    )
    def status_history(self, request: Request, pk: str) -> Response:
        """Activated, deactivated, suspended, lifted, removed: when, by whom, why; the newest first."""
        rows = selectors.history_of(self._sought(pk), self._reach)
        items = StatusChangeOut(rows, many=True).data
        return Response({"items": items, "total": len(items)})

    @extend_schema(request=None, responses=EndedOut, summary="Sign a user out everywhere", tags=["users"])
    @action(detail=True, methods=["post"], url_path="sign-out")
    def sign_out(self, request: Request, pk: str) -> Response:
        """Ends his sessions within the caller's reach."""
        ended = services.user_sign_out(
            user=self._sought(pk), reach=self._reach, actor=self.principal.actor, role=self._role
        )
        return Response({"ended": ended})

    @extend_schema(
        request=None, responses={202: SaidOut}, summary="Send a user the letter again", tags=["users"]
    )
    @action(detail=True, methods=["post"], url_path="resend-verification")
    def resend_verification(self, request: Request, pk: str) -> Response:
        """The letter that proves his address; a few in an hour."""
        recovery.verification_resend(user=self._sought(pk), actor=self.principal.actor)
        return said("A letter is on its way.", 202)

    @extend_schema(
        responses={(200, "image/png"): OpenApiTypes.BINARY, 204: None},
        summary="A user's picture",
        tags=["users"],
    )
    @action(detail=True, methods=["get"])
    def avatar(self, request: Request, pk: str) -> HttpResponse:
        """As PNG; 204 without one, 404 for a user outside the caller's reach."""
        return picture_answer(self._sought(pk))


def picture_answer(user: User) -> HttpResponse:
    """The picture of a user as bytes, for whoever was let through; 204 without one."""
    if not user.profile.avatar:
        return HttpResponse(status=204)
    answer = HttpResponse(profiles.avatar_read(user), content_type="image/png")
    answer["Cache-Control"] = "private, no-cache"
    answer["Content-Disposition"] = 'inline; filename="avatar.png"'
    return answer
