"""Background work: the broker, and what workers promise."""

from __future__ import annotations

from config import env

# The processes are what uses the cores. A second thread of each for small matrices waits for its work in a
# loop: a tenth of a worker's time. Must stand before NumPy is imported.
env.provide("OPENBLAS_NUM_THREADS", "1")

CELERY_BROKER_URL = env.redis_url(0)
# Only platform tasks that ask for it keep a result (a count), for a day, in public.
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXPIRES = 86_400
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# A message of a worker that died comes back when it has been invisible for visibility_timeout and a
# sweep has passed; kombu's own sweep interval would add 100 seconds. The sweeper of stuck jobs
# (predictions.tasks) does not wait for either.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "priority_steps": list(range(10)),
    # Priority goes first; of one priority the queues take turns, or a full one would starve the others.
    "queue_order_strategy": "round_robin",
}
