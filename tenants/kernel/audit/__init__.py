"""The audit log: who did what, chained so that nobody can change it unseen.

``audit.record`` (``record_all`` for sets) inside the transaction of the change; the rest of this package
keeps the rows honest: ``chain`` (digests and verification), ``database`` (triggers, and the two guarded ways
around them), ``retention`` and ``forgetting``.
"""

from tenants.kernel.audit.people import AuditQuerySet, address_tag, person_label, without_addresses
from tenants.kernel.audit.records import (
    MASKED,
    PLATFORM_TABLE,
    TENANT_TABLE,
    AuditHeadBase,
    AuditRecord,
    AuditSealBase,
    Category,
    category_of,
    masked,
    record,
    record_all,
    table,
)

__all__ = [
    "MASKED",
    "PLATFORM_TABLE",
    "TENANT_TABLE",
    "AuditHeadBase",
    "AuditQuerySet",
    "AuditRecord",
    "AuditSealBase",
    "Category",
    "address_tag",
    "category_of",
    "masked",
    "person_label",
    "record",
    "record_all",
    "table",
    "without_addresses",
]
