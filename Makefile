# Every target is one or two plain commands; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export VULTUS_HOME ?= .vultus

# make demo IMAGE=me.jpg TEXT="…" VOICE=… AUDIO=speech.wav OUT=…
IMAGE ?=
TEXT ?=
VOICE ?=
AUDIO ?=
OUT ?= out/demo.mp4
# make eval-face CLIPS=folder of films of people speaking
CLIPS ?= ../shared/data/talking
# make test TESTS=tests/unit/tts
TESTS ?= tests
# A process for each core; one of them runs all that start servers.
PARALLEL := --numprocesses auto

.PHONY: help demo run models test test-all check fmt lint types proto proto-check boundaries extras constraints bench eval-face eval-moderation clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

demo: models ## Make a portrait speak a sentence: out/demo.mp4
	$(BIN)/python -m services.local demo $(if $(IMAGE),--image "$(IMAGE)") $(if $(TEXT),--text "$(TEXT)") \
		$(if $(VOICE),--voice "$(VOICE)") $(if $(AUDIO),--audio "$(AUDIO)") --out "$(OUT)"

run: models ## Start the whole stack on loopback and keep it up
	$(BIN)/python -m services.local up

models: $(VENV)/.local ## Fetch and verify the models
	$(BIN)/python -m services.local.models fetch

test: $(VENV)/.dev models ## Run the tests, the slow ones left out (the browser's need Chromium: apt-get install chromium)
	$(BIN)/pytest $(PARALLEL) -m "not slow" $(TESTS)

test-all: $(VENV)/.dev models ## Run every test
	$(BIN)/pytest $(PARALLEL) $(TESTS)

check: lint types proto-check boundaries ## Check format, lint, types, protos and boundaries

fmt: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

proto: $(VENV)/.dev ## Regenerate proto/gen
	$(BIN)/python scripts/generate_protos.py

proto-check: $(VENV)/.dev
	cd proto && ../$(BIN)/buf lint && ../$(BIN)/buf format --diff --exit-code
	$(BIN)/python scripts/generate_protos.py --check

boundaries: $(VENV)/.dev
	$(BIN)/lint-imports

extras: ## Check that each service runs with its own extra alone
	$(PYTHON) scripts/check_extras.py

constraints: ## Pin what the extras bring today: constraints.txt
	rm -rf build/pins && $(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	build/pins/bin/python -m pip freeze --disable-pip-version-check --exclude-editable > constraints.txt

bench: $(VENV)/.dev models ## Measure speed and memory: out/bench.json and a table
	$(BIN)/python -m bench

eval-face: $(VENV)/.dev models ## Judge faces beside people in films: out/eval/ and a table
	$(BIN)/python -m eval.face --clips "$(CLIPS)"

eval-moderation: $(VENV)/.dev models ## Judge the moderation of texts, pictures and sound: docs/moderation.md
	$(BIN)/python -m eval.moderation --docs docs/moderation.md
	$(BIN)/python -m eval.moderation.media --docs docs/moderation.md

clean: ## Remove what was built; models and data stay in VULTUS_HOME
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
		{ echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[local]"
	@touch $@

$(VENV)/.dev: $(VENV)/.local
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@
