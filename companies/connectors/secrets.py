"""Credentials of connectors: from a store, never from a row or a setting of an organization.

``CONNECTOR_SECRETS`` names the store: ``environment``, ``file`` or ``aws``. A secret is a few named values;
one that is a plain text has it under ``value``.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string

from companies.connectors.errors import SecretMissing, SourceFailed

Secret = dict[str, str]
# A name is made of parts; none can climb out of a folder or a prefix.
NAME = re.compile(r"^[A-Za-z0-9_\-]{1,64}(/[A-Za-z0-9_\-]{1,64}){0,3}$")


class SecretStore(ABC):
    """Where credentials are kept."""

    def read(self, name: str) -> Secret:
        """The values of a secret. Raises SecretMissing, and SourceFailed where the store does not answer."""
        if not NAME.match(name):
            raise SecretMissing("The name of a credential holds letters, digits, - and _ only.")
        text = self._text(name)
        if text is None:
            raise SecretMissing(f"The credential {name!r} is not in the secret store.")
        return _values(text, name)

    @abstractmethod
    def _text(self, name: str) -> str | None:
        """What is kept under a name, or None."""


class EnvironmentStore(SecretStore):
    """``CONNECTOR_SECRET_`` and the name in capitals, ``_`` for all other signs."""

    def _text(self, name: str) -> str | None:
        key = re.sub(r"[^A-Z0-9]", "_", name.upper())
        found: str | None = settings.CONNECTOR_SECRET_VALUES.get(key)
        return found


class FileStore(SecretStore):
    """A file for each secret below ``CONNECTOR_SECRETS_DIR``, as orchestrators mount them."""

    def _text(self, name: str) -> str | None:
        path = Path(settings.CONNECTOR_SECRETS_DIR) / name
        try:
            return path.read_text().strip()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SourceFailed("The secret store cannot be read.") from error


# By name: a platform without AWS does not load its library.
STORES = {
    "environment": "companies.connectors.secrets.EnvironmentStore",
    "file": "companies.connectors.secrets.FileStore",
    "aws": "companies.connectors.aws.AwsStore",
}


def store() -> SecretStore:
    """The store that the settings name."""
    made: SecretStore = import_string(STORES[settings.CONNECTOR_SECRETS])()
    return made


def _values(text: str, name: str) -> Secret:
    if not text.startswith("{"):
        return {"value": text}
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        # Nothing of the content: the sentence goes into reports.
        raise SecretMissing(f"The credential {name!r} is no JSON object.") from None
    return {str(key): str(value) for key, value in found.items()}
