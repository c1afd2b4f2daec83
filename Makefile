# Everything here is a name for `python -m config.local COMMAND`; the work is in config/local/.
# Settings come as variables: make demo PORT=8123 DETACH=1, make test ARGS="-k upload", PYTHON=python3.12.

PYTHONS = $(PYTHON) python3.12 python3.11 python3.13 python3
DATA ?= ../shared/data
NEEDS = import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
# The first Python that will do makes .venv and hands over to it.
RUN = @for python in $(PYTHONS); do \
	if "$$python" -c "$(NEEDS)" 2> /dev/null; then exec "$$python" -P config/local/bootstrap.py $(1); fi; done; \
	echo "error: No Python 3.11 or newer with venv: install python3 and python3-venv, or give PYTHON=path." >&2; exit 1
# What only looks after running processes needs an environment that is there already.
CONTROL = @if [ -x .venv/bin/python ]; then exec .venv/bin/python -m config.local $(1); else echo "Nothing was ever started here."; fi

.DEFAULT_GOAL := help
.PHONY: help demo up stop status shell test check format model client fuzz lock clean reset

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Start the whole platform with demo data (PORT, HOST, WORKERS, DETACH=1)
	$(call RUN,demo)
up: ## Start only PostgreSQL and Redis, for manage.py by hand
	$(call RUN,up)
stop: ## End everything that was started
	$(call CONTROL,stop)
status: ## Show what runs
	$(call CONTROL,status)
shell: ## Open manage.py shell
	$(call RUN,manage shell)
test: ## Run the tests with coverage (ARGS for pytest; DATABASE_URL and REDIS_URL for other servers)
	$(call RUN,test)
check: ## Linters, types, contracts, Django's checks, then the tests
	$(call RUN,check)
format: ## Format the code
	$(call RUN,format)
model: ## Train the shipped model (DATA=folder)
	$(call RUN,run ml.train --data "$(DATA)" $(ARGS))
benchmark-%: ## Run tests/benchmarks/%: model, engine, tenants, bulk, api, lists, imports, client (DATA=folder, ARGS)
	$(call RUN,bench $* $(if $(filter model,$*),--data "$(DATA)") $(ARGS))
client: ## Write TypeScript types from the API description and compile the example (needs node and npm)
	$(call RUN,typescript)
fuzz: ## Ask a running server everything its description offers, as each role (ARGS="--examples 50")
	$(call RUN,fuzz)
lock: ## Write constraints.txt anew
	$(call RUN,lock)
clean: ## Remove caches, logs and the test servers' data
	$(call CONTROL,clean)
reset: ## Remove everything under var/, the demo's data too
	$(call CONTROL,reset)
