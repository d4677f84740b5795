# make demo [RECORDING=me.wav] [TRANSCRIPT=me.txt]   a voice from one recording, into demo/
# make test                                          the whole suite
# make lint                                          style, types, import rules
# make clean                                         forget the environment and the demo

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The version stands in pyproject.toml alone. It is installed first and by itself, so that nothing else chooses it.
TORCH := $(shell sed -n 's/^ *"\(torch==[^"]*\)",.*/\1/p' pyproject.toml)

# One arithmetic thread per test process; waiting threads must not spin.
QUIET_THREADS := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE

.PHONY: demo test lint format clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.engine
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/myna demo $(if $(RECORDING),"$(RECORDING)") $(if $(TRANSCRIPT),--transcript "$(TRANSCRIPT)")

test: $(VENV)/.dev
	@$(QUIET_THREADS) $(BIN)/python -m pytest -n 2 $(PYTEST)

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) demo

$(VENV)/.torch: pyproject.toml
	@echo "making the environment in $(VENV) (some minutes, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install "$(TORCH)"
	@touch $@

$(VENV)/.engine: $(VENV)/.torch
	@$(PIP) install --editable ".[engine]"
	@touch $@

$(VENV)/.dev: $(VENV)/.engine
	@$(PIP) install --editable ".[engine,server,cluster,storage,fetch,asr,funasr,dev,zh,ja,ko,yue]"
	@touch $@
