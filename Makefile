.PHONY: up down test check bench chaos gen lock docs clean help

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

up: $(INSTALLED) ## Install what is missing, start the mesh, make one decision, keep serving
	$(BIN)/magistrate up --demo

down: ## Stop the mesh
	$(BIN)/magistrate down

check: $(INSTALLED) ## Everything that is fast: lint, types, contracts, unit and golden tests
	$(BIN)/python -m tools.check

test: check ## Everything: check, then contract, mesh and fault tests on the real parts
	$(BIN)/python -m pytest tests/contract tests/e2e

bench: $(INSTALLED) ## Measure, beside a baseline of the same run
	$(BIN)/python -m tools.bench

chaos: $(INSTALLED) ## Disturb a real recorder at random for 75 s and judge what is left
	$(BIN)/python -m tools.chaos

gen: $(INSTALLED) ## Write gen/ from protos/
	$(BIN)/python -m tools.protos.generate

docs: $(INSTALLED) ## Write the generated pages of docs/
	$(BIN)/python -m tools.docs

lock: ## Pin every dependency by hash
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock

clean: ## Stop the mesh, remove its state and the virtual environment
	-$(BIN)/magistrate down --purge
	rm -rf $(VENV)

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-6s %s\n", $$1, $$2}' Makefile

$(INSTALLED): requirements.lock pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
