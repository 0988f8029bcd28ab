# The words a newcomer types. Each makes what it needs, in .venv/ and .tox/; `make` alone lists them.

PYTHON ?= python3
TOX := .venv/tox/bin/tox
# Two at a time, the longest first: while the tests of one wait, those of the other work.
ENVS := brokers,py311,lint,types,newest,py314,oldest,py310,py312,coexist

# pyenv's own commands on the PATH fail for versions that are not switched on, so its versions come after them.
space := $(subst ,, )
PYENV := $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.*/bin)
export PATH := $(subst $(space),:,$(strip $(PATH) $(PYENV)))
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test quick lint types bench soak faultlab backtest page suites sdks clean
.DEFAULT_GOAL := help

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: .venv/demo/.made ## watch a few orders become traces, without Docker or Kafka
	@.venv/demo/bin/otel-eda demo

test: .venv/tox/.made ## everything: style, types, and the tests on each Python there is
	@$(if $(CI),.venv/tox/bin/uv python find --quiet 3.11 >/dev/null || { echo "in CI Python 3.11 is needed" >&2; exit 1; })
	@for NEWEST in 3.13 3.12 3.11; do .venv/tox/bin/uv python find --system $$NEWEST >/dev/null 2>&1 && break; done; \
	NEWEST_PYTHON=python$$NEWEST $(TOX) run-parallel --parallel=2 --parallel-no-spinner -e $(ENVS)

quick: .venv/tox/.made ## the unit tests of the core
	@$(TOX) run -q -e quick

lint: .venv/tox/.made ## style, formatting, and which way imports run
	@$(TOX) run -q -e lint

types: .venv/tox/.made ## static types
	@$(TOX) run -q -e types

bench: .venv/tox/.made ## what instrumentation costs
	@$(TOX) run -q -e bench -- bench.pipeline
	@$(TOX) run -q -e bench
	@$(TOX) run -q -e bench -- bench.clients
	@$(TOX) run -q -e bench -- bench.clients.arrival
	@$(TOX) run -q -e bench -- bench.emitters
	@$(TOX) run -q -e bench -- bench.light_spans
	@$(TOX) run -q -e bench -- bench.series
	@$(TOX) run -q -e bench -- bench.diagnosis

soak: .venv/tox/.made ## a million hostile headers each way, and a million messages through each client
	@$(TOX) run -q -e soak

faultlab: .venv/tox/.made ## programs with known faults, and how many of them a diagnosis finds
	@$(TOX) run -q -e faultlab

backtest: .venv/tox/.made ## what was foretold of made traffic, and how often it came
	@$(TOX) run -q -e backtest

page: ## the page of `otel-eda serve`, built from its sources in page/
	@cd page && npm ci --ignore-scripts && npm run build

suites: .venv/tox/.made ## the clients' own tests at their newest releases, from GitHub, with us and without
	@$(TOX) run -q -e suites

sdks: .venv/tox/.made ## light spans and counted durations with each minor version of the SDK
	@$(TOX) run -q -e sdks

clean: ## remove what the targets above made
	rm -rf .venv .tox .*_cache .hypothesis build dist

# Editable, so that a change shows at once; made anew when the dependencies may have changed.
.venv/demo/.made: pyproject.toml
	@$(call venv,$(@D))
	@$(@D)/bin/pip install --quiet --editable '.[demo]'
	@touch $@

.venv/tox/.made: tox.toml
	@$(call venv,$(@D))
	@$(@D)/bin/pip install --quiet tox tox-uv
	@touch $@

define venv
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
  || { echo "Python 3.10 or newer is needed, and '$(PYTHON)' is none: make $(MAKECMDGOALS) PYTHON=python3.x" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
  || { echo "'$(PYTHON)' cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }; \
echo "installing into $(1) ..."; \
$(PYTHON) -m venv --clear $(1)
endef
