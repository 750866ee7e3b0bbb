# Every target sets itself up; `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# As typed: a $ in it is the person's, not make's.
override export ONCE := $(value ONCE)
READY := $(VENV)/ready
# Two at a time, the slowest first.
FUZZED := $(addprefix tests/fuzz/test_fuzz_,told.py commands.py updates.py configs.py) tests/k8s/test_manifest.py

.PHONY: help setup demo demo-pictures test fuzz audit check format lock outcomes stacks bench claude-cli package-managers minio sops mise actionlint clean cluster cluster-down cluster-kubeconfig test-cluster test-kind image-sizes image-tags release-image

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## Install what the project needs into .venv (done by the other targets)

$(READY): requirements.lock pyproject.toml scripts/setup
	@sh scripts/setup $(VENV)
	@touch $(READY)

demo: $(READY) ## Open a chat in the browser, or play one talk here: make demo ONCE='/run demo "add a farewell"'
	@test "$$SANDBOX_BACKEND$$KUBECONFIG" != kubernetes || export KUBECONFIG="$$(tests/cluster/cluster kubeconfig)"; \
	$(BIN)/claude-sandbox demo $${ONCE:+--once "$$ONCE"} $${PORT:+--port "$$PORT"}

demo-pictures: $(READY) ## Take the pictures of docs/images from the demo; needs Chromium
	@$(BIN)/python -m tests.browser.pictures docs/images

test: $(READY) ## Run the tests
	@$(BIN)/pytest

fuzz: $(READY) ## Throw 100,000 generated inputs at what reads them, never the same twice; FUZZ=1000 is a short one
	@printf '%s\n' $(FUZZED) | FUZZ=$${FUZZ:-100000} xargs -P 2 -n 1 $(BIN)/pytest -q

cluster: ## Bring up a real Kubernetes on this machine: Linux, as root; once about 12 minutes, then seconds
	@tests/cluster/cluster up

cluster-down: ## End it, and leave nothing behind but its cache
	@tests/cluster/cluster down

cluster-kubeconfig: ## Print the path of its kubeconfig
	@tests/cluster/cluster kubeconfig

test-cluster: $(READY) ## Run the tests on it; on another cluster with KUBECONFIG=… TEST_IMAGE_PREFIX=…
	@test -n "$$TEST_IMAGE_PREFIX" || tests/cluster/cluster up
	@$(BIN)/pytest tests/cluster

test-kind: $(READY) ## Run them on a kind cluster instead: needs Docker, kind and kubectl
	@tests/cluster/kind

image-sizes: $(READY) ## Print how large the test cluster's images are, by layer
	@$(BIN)/python -m bench.image_sizes

image-tags: ## Print the tags of a release's image: TAG=v1.0.0 IMAGE=owner/claude-sandbox RUBY=3.4
	@sh scripts/image-tags

release-image: ## Make it of the parts that were pushed for MACHINES="amd64 arm64", and sign it; needs buildx and cosign
	@sh scripts/release-image

check: $(READY) ## Format, lint, types and Dockerfiles, as CI does
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/hadolint Dockerfile tests/cluster/images/*/Dockerfile

format: $(READY) ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

outcomes: $(READY) ## Make docs/outcomes.md from what the tests saw on the cluster
	@$(BIN)/python -m tests.outcomes.page

stacks: $(READY) ## Make docs/stacks.md from the tests that passed
	@$(BIN)/python -m tests.shown.page

bench: $(READY) ## Measure speed and memory, and print the figures
	@$(BIN)/python -m bench

audit: ## Look the dependencies up among the known vulnerabilities
	@sh scripts/audit $(VENV)-audit

claude-cli: ## Install the pinned Claude Code CLI for the tests that use the real one
	@sh scripts/claude-cli

sops: ## Build sops and age-keygen for the tests of encrypted files, with Go
	@sh scripts/sops

package-managers: ## Install uv, poetry, pnpm, yarn and Maven's own parts for the tests of dependencies
	@sh scripts/package-managers

mise: ## Install mise for the tests of versions, with npm
	@sh scripts/mise

actionlint: ## Build actionlint, which checks the forge's workflows in the tests, with Go
	@sh scripts/actionlint

minio: ## Build MinIO, the S3 server of the tests, with Go
	@sh scripts/minio

lock: $(READY) ## Resolve the dependencies anew, with hashes
	@sh scripts/lock $(VENV)

clean: ## Remove the environment and every cache
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build ./*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

