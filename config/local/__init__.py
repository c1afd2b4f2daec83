"""The platform on one machine: private PostgreSQL and Redis, the demo's processes, the test run.

Plain Python above the standard library and psycopg: nothing here imports Django, so that it can say in
one line what is missing before Django could even be configured. See ``python -m config.local --help``.
"""
