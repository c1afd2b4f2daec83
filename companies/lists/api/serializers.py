"""Shapes of watchlists and notes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field

from companies.lists.models import Note, Watchlist
from tenants.kernel import serializers


class WatchlistOut(serializers.ModelSerializer[Watchlist]):
    companies = serializers.IntegerField(source="held", help_text="How many companies are on it.")
    mine = serializers.SerializerMethodField(help_text="Whether the caller made it.")

    class Meta:
        model = Watchlist
        fields = (
            *("id", "name", "description", "shared", "companies", "mine"),
            *("organization_id", "version", "created_at", "updated_at", "created_by_id"),
        )

    def get_mine(self, row: Watchlist) -> bool:
        return row.created_by_id is not None and row.created_by_id == self.context.get("user_id")


class WatchlistIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    shared = serializers.BooleanField(required=False, help_text="Whether the organization sees it.")


class CompaniesIn(serializers.Serializer[Any]):
    companies = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1000)


class NotePersonOut(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()
    email = serializers.CharField(allow_null=True)


class NoteOut(serializers.ModelSerializer[Note]):
    company_symbol = serializers.CharField(source="company.symbol")
    author = serializers.SerializerMethodField(help_text="Who wrote it; null if not known.")
    mentions = serializers.SerializerMethodField(help_text="People it names.")

    class Meta:
        model = Note
        fields = (
            *("id", "company_id", "company_symbol", "in_reply_to_id", "text", "author", "mentions"),
            *("organization_id", "version", "created_at", "edited_at"),
        )

    def _person(self, user_id: Any) -> dict[str, Any]:
        return {"user_id": str(user_id), "email": self.context.get("emails", {}).get(user_id)}

    @extend_schema_field(NotePersonOut(allow_null=True))
    def get_author(self, row: Note) -> dict[str, Any] | None:
        return self._person(row.created_by_id) if row.created_by_id else None

    @extend_schema_field(NotePersonOut(many=True))
    def get_mentions(self, row: Note) -> list[dict[str, Any]]:
        return [self._person(user_id) for user_id in row.mentions]


class NoteChangeIn(serializers.Serializer[Any]):
    text = serializers.CharField(
        max_length=5000, help_text="`@jane@firm.com` names somebody: she is told, if she may see it."
    )
    mentions = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=20, help_text="People by id."
    )


class NoteIn(NoteChangeIn):
    company = serializers.UUIDField()
    in_reply_to = serializers.UUIDField(required=False, allow_null=True)
