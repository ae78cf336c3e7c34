# A doorway: every target is one command that can be typed by hand as well.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
RUN := .venv/bin/
TETHER := $(RUN)tether

.PHONY: help up down test bench bench-remotes conformance tools tools-clean clouds env lint

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(TETHER) ## make the clusters and the mesh, prove that requests cross, show the endpoints
	@$(TETHER) up

down: $(TETHER) ## remove everything that up made
	@$(TETHER) down --yes

test: tools lint ## lint, then unit, provider, contract, browser and end-to-end tests on real clusters
	@$(RUN)python -m toolchain test-tools
	@$(RUN)pytest tests/unit tests/contract tests/provider tests/browser -n 2
	@$(RUN)pytest tests/e2e -n 2 --reruns 1 --rerun-show-tracebacks -raR --durations 15 --durations-min 20

bench: tools ## measure pulumi up against the documented step-by-step sequence
	@$(RUN)python -m bench

bench-remotes: tools ## measure pulumi up with 1, 2 and 4 remotes, and one remote more and less
	@$(RUN)python -m bench.remotes

conformance: tools ## run Istio's own integration tests on a mesh of their own; results into docs/conformance
	@$(RUN)python -m conformance

tools: $(TETHER) ## fetch or build every tool, image and chart (up does it too)
	@$(RUN)python -m toolchain build

tools-clean: $(TETHER) ## remove built tools, images and caches
	@$(RUN)python -m toolchain clean

clouds: $(TETHER) ## add to .venv what clusters of platform eks, gke and aks are made with (lint does it too)
	@$(PYTHON) -m toolchain clouds

env: ## print the shell variables of this checkout, for eval (README)
	@test -x $(TETHER) || { echo "make env: the tools are missing; make them with: make tools" >&2; exit 1; }
	@$(TETHER) env

lint: clouds ## ruff, pyright and the direction of imports
	@$(RUN)ruff check .
	@$(RUN)ruff format --check .
	@$(RUN)pyright
	@$(RUN)pyright --project policy
	@$(RUN)lint-imports --no-cache >/dev/null || $(RUN)lint-imports --no-cache

$(TETHER): pyproject.toml uv.lock policy/pyproject.toml policy/uv.lock
	@$(PYTHON) -m toolchain bootstrap
	@touch $@
