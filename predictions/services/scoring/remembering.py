"""What the engine said of the same inputs before: kept for a day, for single companies with their drivers.

Drivers are what a score costs: thirteen milliseconds, where Redis answers in a fifth of one. Files have none,
and the engine says twenty thousand rows in the time that Redis looks up seven thousand, so they are computed
each time (docs/decisions/0029).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from django.core.cache import caches
from redis.exceptions import RedisError

from tenants.kernel import stamps

logger = logging.getLogger(__name__)
SECONDS: Final = 24 * 3600
# More at once are computed together for less than they are looked up for.
MOST: Final = 20
# Raise it when what is kept changes its form: processes of two releases share the cache.
_FORM: Final = 1

Outcome = dict[str, Any]


def remembered(
    *,
    model_id: UUID,
    asked: Sequence[dict[str, Any]],
    compute: Callable[[list[int]], list[Outcome]],
) -> list[Outcome]:
    """What the engine says of each of ``asked``, looked up or computed (by places) where it is not known.

    ``asked`` holds everything that the outcome depends on beside the model, numbers unrounded. A key stands
    under the tenant and the organizations in sight: nobody can tell from the time of an answer what others
    have had scored. Without Redis everything is computed.
    """
    keys = [_key(model_id, one) for one in asked]
    cache = caches["default"]
    try:
        known = cache.get_many(keys)
    except RedisError:
        logger.warning("redis is unreachable: scores are computed each time")
        return compute(list(range(len(asked))))
    missing = [place for place, key in enumerate(keys) if key not in known]
    if missing:
        fresh = dict(zip((keys[place] for place in missing), compute(missing), strict=True))
        known |= fresh
        try:
            cache.set_many(fresh, SECONDS)
        except RedisError:
            logger.warning("redis is unreachable: scores were not kept")
    return [known[key] for key in keys]


def _key(model_id: UUID, asked: dict[str, Any]) -> str:
    whole = json.dumps([_FORM, str(model_id), stamps.reach(), asked], sort_keys=True, default=str)
    return f"score:{hashlib.sha256(whole.encode()).hexdigest()}"
