"""Second factors: proofs given anew, enrolment, and the second half of a sign-in."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.mfa import proofs, selectors
from accounts.mfa.proofs import Given
from accounts.models import AuthSession, User
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.request import Actor


def session_prove(*, session_id: UUID, user: User, given: Given, actor: Actor) -> tuple[str, datetime]:
    """Remember on the session that its user has proved himself anew: by what, and until when it holds.

    Raises ProofRefused and TooMany.
    """
    methods = selectors.proof_methods(user.id)
    method = proofs.proof_check(user=user, given=given, methods=methods, actor=actor)
    now = timezone.now()
    with in_public(), transaction.atomic():
        session = AuthSession.objects.select_for_update().get(id=session_id)
        session.proved_at, session.proved_by = now, method
        session.save(update_fields=["proved_at", "proved_by"])
        audit.record("accounts.session.proved", on=session, changes={"by": method}, actor=actor)
    return method, now + timedelta(seconds=settings.STEP_UP_SECONDS)
