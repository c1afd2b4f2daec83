"""Shapes of notices and of what a person wants to be told."""

from __future__ import annotations

from typing import Any

from accounts.profiles.preferences import NOTICE_KINDS
from organizations.notices.models import Notice
from tenants.kernel import serializers


class NoticeOut(serializers.ModelSerializer[Notice]):
    organization_id = serializers.UUIDField(read_only=True)
    kind = serializers.CharField(help_text=f"One of {', '.join(NOTICE_KINDS)}.")
    link = serializers.CharField(help_text="Path of the page on the console that it is about; may be empty.")
    read = serializers.SerializerMethodField()
    read_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = Notice
        fields = ("id", "organization_id", "kind", "title", "text", "link", "created_at", "read", "read_at")

    def get_read(self, row: Notice) -> bool:
        return row.read_at is not None


class MarkIn(serializers.Serializer[Any]):
    read = serializers.BooleanField(default=True, help_text="False makes it new again.")


class UnreadOut(serializers.Serializer[Any]):
    unread = serializers.IntegerField(help_text="Notices that were not read.")


class ReadOut(serializers.Serializer[Any]):
    marked = serializers.IntegerField(help_text="How many were new until now.")


class ChannelsOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    name = serializers.CharField(help_text="The kind in words.")
    app = serializers.BooleanField(help_text="Shown in the app.")
    mail = serializers.BooleanField(help_text="Sent as a letter.")


class NoticePreferencesOut(serializers.Serializer[Any]):
    items = ChannelsOut(many=True)


class ChannelsIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=list(NOTICE_KINDS))
    app = serializers.BooleanField(required=False)
    mail = serializers.BooleanField(required=False)


class NoticePreferencesIn(serializers.Serializer[Any]):
    items = ChannelsIn(many=True, help_text="Kinds and channels that are left out stay as they are.")
