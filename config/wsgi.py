"""What the web server imports."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.env import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())

application = get_wsgi_application()

# Loaded before the first request, which would otherwise wait for it: the engine and all addresses.
for module in ("ml.engine", settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF):
    import_module(module)
# A third of a million objects that live as long as the process: looked through again with every full
# collection they stop it for most of a second.
gc.collect()
gc.freeze()
# A page of a thousand rows is a hundred thousand new objects, none of them garbage: every seven hundred are
# too often to look for some. With fifty thousand the search itself takes a tenth of a second now and then.
gc.set_threshold(10_000, 10, 10)
