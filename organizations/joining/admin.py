"""Ways into organizations on a tenant's console: whitelist, links, invitations."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.console import tenant_site
from organizations.joining import tokens
from organizations.joining.models import Invitation, JoinLink, WhitelistEntry
from organizations.joining.services import invitations, links, whitelist
from organizations.models import Organization
from organizations.selectors import working_organization
from tenants.kernel import mail
from tenants.kernel.console import ConsoleAdmin, principal_of
from tenants.kernel.console_forms import ConsoleForm

STATES = {"Pending": "info", "Expired": "warning", "Accepted": "success", "Revoked": "danger"}


class PlacedForm(ConsoleForm):
    """A form that asks for the organization where the caller runs several."""

    console_request: HttpRequest
    place = forms.ChoiceField(label="Organization", widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field, principal = self.fields.get("place"), principal_of(self.console_request)
        if field is None or principal is None:
            return
        rows = [(str(o.pk), o.name) for o in Organization.objects.filter(state="active").order_by("name")]
        if len(rows) < 2 or not self.instance._state.adding:
            del self.fields["place"]
            return
        field.choices, field.initial = rows, str(working_organization(principal))  # type: ignore[attr-defined]

    @property
    def organization(self) -> Organization:
        """The organization that the form names, else the one the caller works in."""
        principal = principal_of(self.console_request)
        chosen = self.cleaned_data.get("place") or (working_organization(principal) if principal else None)
        found: Organization = Organization.objects.get(pk=chosen)
        return found


class PlacedAdmin(ConsoleAdmin):
    """A page whose new rows belong to an organization that is named on the form."""

    module = "joining"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"console_request": request})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = [name for name in super().get_fields(request, obj) if name != "place"]
        several = obj is None and len(self.reach(request, "add")) > 1
        return [*shown, "place"] if several else shown


class WhitelistForm(PlacedForm):
    """An address or a domain."""

    error_fields: ClassVar[dict[str, str]] = {"email": "value", "duplicate_entry": "value"}

    class Meta:
        model = WhitelistEntry
        fields = ("value", "role")
        widgets: ClassVar[dict[str, Any]] = {"value": UnfoldAdminTextInputWidget()}


@admin.register(WhitelistEntry, site=tenant_site)
class WhitelistAdmin(PlacedAdmin):
    """Who may join by a link or a code, and as what."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "joining.read",
        "add": "joining.change",
        "delete": "joining.change",
    }
    form = WhitelistForm
    list_display = ("value", "kind", "role", "organization", "added_at")
    list_filter = ("kind", "role")
    list_select_related = ("organization",)
    search_fields = ("value",)
    ordering = ("value",)

    def create(self, request: HttpRequest, form: Any) -> Model:
        data = form.cleaned_data
        return whitelist.entry_add(
            organization=form.organization, email=data["value"], role=data["role"], actor=self.actor(request)
        )

    def remove(self, request: HttpRequest, obj: Any) -> None:
        whitelist.entry_remove(organization=obj.organization, email=obj.value, actor=self.actor(request))


class LinkForm(PlacedForm):
    """A link with a role, an end and a limit, each if wanted."""

    class Meta:
        model = JoinLink
        fields = ("label", "role", "expires_at", "max_uses", "is_on")
        widgets: ClassVar[dict[str, Any]] = {"label": UnfoldAdminTextInputWidget()}


@admin.register(JoinLink, site=tenant_site)
class LinkAdmin(PlacedAdmin):
    """Join links with their secrets, for those who run the organization."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "joining.read",
        "add": "joining.change",
        "change": "joining.change",
        "delete": "joining.change",
    }
    form = LinkForm
    list_display = ("name", "organization", "role", "uses", "max_uses", "expires_at", "open_now")
    list_filter = ("is_on", "is_primary")
    list_select_related = ("organization",)
    search_fields = ("label",)
    ordering = ("-is_primary", "-id")
    actions_detail = ("rotate",)
    readonly_fields = ("address_to_copy", "uses", "last_used_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        link, principal = super().get_object(request, object_id, from_field), principal_of(request)
        if link is not None and principal is not None:
            link.viewer = principal.role
        return link

    def create(self, request: HttpRequest, form: Any) -> Model:
        data = form.cleaned_data
        wanted = {name: data[name] for name in ("label", "role", "expires_at", "max_uses")}
        return links.link_create(organization=form.organization, **wanted, actor=self.actor(request))

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        links.link_update(link=obj, changes=changes, actor=self.actor(request))

    def remove(self, request: HttpRequest, obj: Any) -> None:
        links.link_delete(link=obj, actor=self.actor(request))

    @display(description="Link")
    def name(self, link: JoinLink) -> str:
        return str(link)

    @display(description="Address to copy")
    def address_to_copy(self, link: JoinLink) -> str:
        token = tokens.shown(link, link.given_role, getattr(link, "viewer", None))
        if token is not None:
            return mail.link("join", token=token)
        return "Rotate it to get a new one. Only those who may give its role see it."

    @display(description="Open", boolean=True)
    def open_now(self, link: JoinLink) -> bool:
        return link.admits

    @action(description="Rotate", url_path="rotate", icon="autorenew")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then give the link another secret."""
        link = self.row_for(request, "change", object_id)
        if link is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            link,
            title="A new token?",
            text="The old one opens nothing any more, wherever it was sent.",
            button="Rotate",
            do=lambda _: links.link_rotate(link=link, actor=self.actor(request)),
            done="The link has a new token.",
            danger=True,
        )


class InvitationForm(PlacedForm):
    """Whom to invite, and as what."""

    error_fields: ClassVar[dict[str, str]] = {
        "duplicate_invitation": "email",
        "duplicate_member": "email",
        "role_too_high": "role",
    }
    role = forms.ChoiceField(
        choices=[("analyst", "Analyst"), ("viewer", "Viewer"), ("admin", "Admin")],
        widget=UnfoldAdminSelectWidget(),
    )

    class Meta:
        model = Invitation
        fields = ("email", "full_name", "job_title", "role")
        widgets: ClassVar[dict[str, Any]] = {
            name: UnfoldAdminTextInputWidget() for name in ("email", "full_name", "job_title")
        }


@admin.register(Invitation, site=tenant_site)
class InvitationAdmin(PlacedAdmin):
    """Who is invited and has not come yet, and who came."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "joining.read",
        "add": "joining.change",
        "write": "joining.change",
    }
    form = InvitationForm
    list_display = ("email", "organization", "role", "how", "sent_at", "times_sent", "expires_at")
    list_filter = ("state", "role")
    list_select_related = ("organization",)
    search_fields = ("email", "full_name")
    ordering = ("-id",)
    actions_detail = ("resend", "revoke")

    def create(self, request: HttpRequest, form: Any) -> Model:
        wanted = {name: form.cleaned_data[name] for name in ("email", "full_name", "job_title", "role")}
        return invitations.invitation_create(
            organization=form.organization, **wanted, actor=self.actor(request)
        )

    @display(description="State", ordering="state", label=STATES)
    def how(self, invitation: Invitation) -> str:
        return invitation.standing.capitalize()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        if row is None or row.state != "pending" or not self.may(request, "write", row):
            return []
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        return buttons

    @action(description="Send again", url_path="resend", icon="forward_to_inbox")
    def resend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then send a new letter."""
        row = self.row_for(request, "write", object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Send the invitation to {row.email} again?",
            text="The new letter counts; the earlier one opens nothing any more.",
            button="Send",
            do=lambda _: invitations.invitation_resend(invitation=row, actor=self.actor(request)),
            done=f"Sent to {row.email}.",
        )

    @action(description="Revoke", url_path="revoke", icon="cancel")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then take the invitation back."""
        row = self.row_for(request, "write", object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Revoke the invitation of {row.email}?",
            text="Its letter opens nothing any more.",
            button="Revoke",
            do=lambda _: invitations.invitation_revoke(invitation=row, actor=self.actor(request)),
            done=f"{row.email} is not invited any more.",
            danger=True,
        )
