# birdcolor: `make` lists the commands. Works with GNU make 3.81 and later.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

# options of `make report`, given on the command line: make report DATA="my photos" PRESET=quick SEEDS=0,1
DATA   = toy
PRESET = quick
MODELS =
SEEDS  =
STUDIES =
OUT    =

# the Python to build .venv with; empty: the first suitable one on the PATH
PYTHON =

BIN   := .venv/bin
STAMP := .venv/setup.stamp
CHECK := build/check

# tests leave nothing in the home directory
BUILD      := $(CURDIR)/build
QUIET_HOME := BIRDCOLOR_CACHE="$(BUILD)/cache" KERAS_HOME="$(BUILD)/keras" MPLCONFIGDIR="$(BUILD)/matplotlib" \
  IPYTHONDIR="$(BUILD)/ipython" JUPYTER_CONFIG_DIR="$(BUILD)/jupyter" JUPYTER_DATA_DIR="$(BUILD)/jupyter" \
  JUPYTER_RUNTIME_DIR="$(BUILD)/jupyter/runtime" TF_CPP_MIN_LOG_LEVEL=3 PYTHONUNBUFFERED=1

# nor in the temporary folder; what goes there lies outside the checkout, as it does for users
SCRATCH := scratch="$$(mktemp -d)" && trap 'rm -rf "$$scratch"' EXIT && TMPDIR="$$scratch" $(QUIET_HOME)

.PHONY: help setup report test readme-check notebooks command-line faults readme outputs weights lock audit site site-check packages colab-check cluster-check clean

help:
	@echo "make report  train the networks on drawn birds and write reports/toy-quick/report.html"
	@echo "             on photos: make report DATA=<folder>|kaggle [PRESET=quick|study] [MODELS=fcnn,cnn,unet] [SEEDS=0,1] [STUDIES=1] [OUT=<folder>]"
	@echo "make test    run every test; make notebooks and make command-line are its longer parts"
	@echo "make faults  the fault harness at full size; its counts go to reports/faults"
	@echo "make setup   fill .venv from requirements.lock (the two above do it by themselves)"
	@echo "make readme  write README.md from nbs/index.ipynb"
	@echo "make outputs execute the notebooks and keep what they show"
	@echo "make weights put the weights of the chroma run in OUT into the package and score them on DATA"
	@echo "make lock    renew requirements.lock from settings.ini (newest versions: make lock UPGRADE=--upgrade)"
	@echo "make site    write notebooks, reports and reference as pages to build/site; make site-check looks for broken links in Chromium"
	@echo "make packages    build wheel and source, install them on every Python at hand, and use them (needs the network)"
	@echo "make colab-check run every notebook as Colab would (needs the network, takes long)"
	@echo "make cluster-check train six networks on two workers of a Dask cluster, kill one, and compare with one process (takes long)"
	@echo "make audit   look the locked packages up among those with known holes (needs the network)"
	@echo "make clean   remove .venv, build and caches; reports stay"

# --- setup -----------------------------------------------------------------------------------------------------------

SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))

setup: $(STAMP)
	@wanted="$(PYTHON)"; if [ -n "$$wanted" ] && [ "$$($(BIN)/python --version)" != "$$("$$wanted" --version)" ]; then \
	  echo ".venv is of $$($(BIN)/python --version), not $$wanted; run make clean first." >&2; exit 1; fi
	@echo "setup: .venv holds what requirements.lock asks for."

$(BIN)/uv: requirements.lock
	@chosen=; \
	for candidate in $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3); do \
	  if "$$candidate" -c "$(SUITABLE)" >/dev/null 2>&1; then chosen=$$candidate; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	  echo "birdcolor needs Python 3.11, 3.12 or 3.13 with its venv module, and found none as $(if $(PYTHON),$(PYTHON),python3.11, python3.12, python3.13 or python3); name one with make PYTHON=<path>." >&2; \
	  exit 1; \
	fi; \
	echo "setup: .venv with $$("$$chosen" --version) ($$chosen)"; \
	"$$chosen" -m venv .venv
	@mkdir -p build
	@awk '/^[^ #]/ {wanted = /^uv==/} wanted' requirements.lock > build/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r build/uv.lock
	@touch $@

$(STAMP): $(BIN)/uv requirements.lock setup.py settings.ini
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --refresh-package birdcolor --no-build-isolation --no-deps -e .
	@$(BIN)/uv pip check --python $(BIN)/python || { echo "requirements.lock does not meet settings.ini: run make lock, then make setup." >&2; exit 1; }
	@touch $@

# --- report ----------------------------------------------------------------------------------------------------------

report: $(STAMP)
	$(BIN)/birdcolor reproduce --preset "$(PRESET)" --data "$(DATA)" $(if $(MODELS),--models "$(MODELS)") $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(STUDIES),--learning-curve --leakage) $(if $(OUT),--out "$(OUT)")

# --- test ------------------------------------------------------------------------------------------------------------

# Export starts without the exported modules, so that one whose notebook is gone shows up as a difference.
test: $(STAMP)
	@echo "[1/4] export and clean leave no difference"
	@rm -rf $(CHECK)
	@mkdir -p $(CHECK)
	@cp -R nbs birdcolor settings.ini $(CHECK)
	@find $(CHECK)/birdcolor -name "*.py" -exec grep -q "^# AUTOGENERATED" {} \; -exec rm {} \;
	@cd $(CHECK) && "$(CURDIR)/$(BIN)/nbdev_export" && "$(CURDIR)/$(BIN)/nbdev_clean"
	@diff -r -x __pycache__ -x .ipynb_checkpoints nbs $(CHECK)/nbs && diff -r -x __pycache__ birdcolor $(CHECK)/birdcolor \
	  || { echo "nbs/ and birdcolor/ differ from what nbdev_export and nbdev_clean make of nbs/: run both and keep the result." >&2; exit 1; }
	@echo "[2/4] README.md is nbs/index.ipynb, [3/4] every notebook runs and its examples hold, [4/4] the command line: all three at once"
	@$(MAKE) --jobs=3 readme-check notebooks command-line
	@echo "All four steps passed: export and clean, README, notebooks, command line."

readme-check: $(STAMP)
	@mkdir -p $(CHECK)
	@$(QUIET_HOME) $(TO_README) --output-dir $(CHECK)
	@$(SHORTEN) $(CHECK)/README.md
	@diff README.md $(CHECK)/README.md || { echo "README.md differs from nbs/index.ipynb: run make readme and keep the result." >&2; exit 1; }

# 37_ablation runs after the others, since it trains in the folder of 30_chroma's run, and a run belongs to one process at a time.
# index runs in readme-check.
notebooks: $(STAMP)
	@$(SCRATCH) $(BIN)/nbdev_test --skip_file_re "^(_|37_|index)" --do_print --timing
	@$(SCRATCH) $(BIN)/nbdev_test --path nbs/37_ablation.ipynb --do_print --timing

command-line: $(STAMP)
	@$(SCRATCH) $(BIN)/python -m pytest -q --numprocesses auto --maxprocesses 4 --dist worksteal tests

faults: $(STAMP)
	@$(SCRATCH) $(BIN)/python -m pytest -q tests/faults --damaged-photos 2100 --kills 60 --requests 200 --counts reports/faults

cluster-check: $(STAMP)
	@$(SCRATCH) $(BIN)/python -m pytest -v tests/test_cluster.py --six-on-a-cluster

# --- upkeep ----------------------------------------------------------------------------------------------------------

TO_README = $(BIN)/jupyter nbconvert --log-level WARN --to markdown --execute --TagRemovePreprocessor.enabled=True \
  --TagRemovePreprocessor.remove_input_tags=remove-input nbs/index.ipynb --output README

# links in the notebook name the repository, since Colab knows no other files; README lies among them
LINKS := https://github\.com/birdcolor/birdcolor/(blob|raw)/main/
SHORTEN = $(BIN)/python -c 'import pathlib, re, sys; page = pathlib.Path(sys.argv[2]); page.write_text(re.sub(sys.argv[1], "", page.read_text(encoding="utf-8")), encoding="utf-8")' '$(LINKS)'

readme: $(STAMP)
	$(TO_README) --output-dir "$(BUILD)"
	$(SHORTEN) "$(BUILD)/README.md"
	mv "$(BUILD)/README.md" README.md

OUTPUTS = $(filter-out nbs/index.ipynb,$(wildcard nbs/*.ipynb))

outputs: $(STAMP)
	$(BIN)/python docs/outputs.py $(OUTPUTS)
	$(BIN)/nbdev_clean

weights: $(STAMP)
	@test -n "$(OUT)" -a "$(DATA)" != toy || { echo "make weights needs OUT=<folder of the chroma run> and DATA=<photos>." >&2; exit 1; }
	$(BIN)/python -c 'import sys; from birdcolor.models.chroma import pack_weights; pack_weights(sys.argv[1])' "$(OUT)"
	$(BIN)/python -c 'import sys; from birdcolor.colorize import score_weights; score_weights("study", *sys.argv[1:])' "$(DATA)" "$(OUT)/results/shipped-weights.json"

UPGRADE =

lock: $(BIN)/uv
	$(BIN)/uv pip compile setup.py --refresh-package birdcolor --extra dev --extra site --universal --python-version 3.11 --generate-hashes --quiet \
	  --custom-compile-command "make lock" --output-file requirements.lock $(UPGRADE)

audit: $(BIN)/uv
	$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes --requirement requirements.lock

# mkdocs-material announces a competitor of mkdocs at every start, unless told not to
site: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "Look at build/site/index.html"

site-check: site
	$(BIN)/python -m pytest -q tests/fresh/check_site.py

packages: $(STAMP)
	$(BIN)/python -m pytest -v tests/fresh/check_packages.py

colab-check: $(STAMP)
	$(BIN)/python -m pytest -v --durations=0 --durations-min=1 tests/fresh/check_colab.py

clean:
	rm -rf .venv build dist birdcolor.egg-info .pytest_cache
	find birdcolor nbs tests \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
