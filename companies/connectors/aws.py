"""What speaks to AWS or to a store like it: credentials in Secrets Manager, drops in buckets."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import Storage
from storages.backends.s3 import S3Storage

from companies.connectors.errors import SourceFailed
from companies.connectors.secrets import Secret, SecretStore

FAILURES = (BotoCoreError, ClientError)


class AwsStore(SecretStore):
    """AWS Secrets Manager, below ``CONNECTOR_SECRETS_PREFIX``; who asks is AWS's own matter (a role)."""

    def __init__(self) -> None:
        self._client: Any = boto3.client(
            "secretsmanager",
            region_name=settings.CONNECTOR_SECRETS_REGION,
            endpoint_url=settings.CONNECTOR_SECRETS_ENDPOINT or None,
            config=Config(
                connect_timeout=5, read_timeout=10, retries={"max_attempts": 3, "mode": "standard"}
            ),
        )

    def _text(self, name: str) -> str | None:
        try:
            answer = self._client.get_secret_value(SecretId=settings.CONNECTOR_SECRETS_PREFIX + name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                return None
            raise SourceFailed("The secret store refuses to answer.") from error
        except BotoCoreError as error:
            raise SourceFailed("The secret store does not answer.") from error
        text: str | None = answer.get("SecretString")
        return text


def bucket(name: str, secret: Secret) -> Storage:
    """A bucket, opened with a credential from the secret store."""
    storage: Storage = S3Storage(
        bucket_name=name,
        access_key=secret.get("access_key_id"),
        secret_key=secret.get("secret_access_key"),
        endpoint_url=settings.CONNECTOR_S3_ENDPOINT or None,
        region_name=secret.get("region") or settings.CONNECTOR_SECRETS_REGION,
        default_acl=None,
    )
    return storage
