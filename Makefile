# A thin front: each target is one command that you can also type yourself.
PYTHON ?=
TORCH ?=
ARGS ?=
FOLDER ?= 00
BIN := .venv/bin

.PHONY: help venv lab test test-all test-thorough run book clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/	/'

venv: ## set up .venv if it is missing, broken or out of date (PYTHON=python3.12: with that; TORCH=cpu: a fifth of the size)
	@PYTHON="$(PYTHON)" TORCH="$(TORCH)" sh .ci/make-venv.sh

lab: venv ## JupyterLab on chapter 00 (FOLDER=exercises: on those); ARGS="--no-browser --port 8899" is passed on
	@$(BIN)/python -m course_utils lab "$(FOLDER)" $(ARGS)

# As many processes as there are processors, four at most: each needs a gigabyte.
PYTEST = COURSE_SCHEDULE=short COURSE_DEVICE=cpu $(BIN)/python -m pytest -n auto --maxprocesses 4

test: venv ## lint, unit tests and every notebook on the short CPU schedule (20 to 30 minutes on two cores)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(PYTEST) -m "not thorough" $(ARGS)

test-all: test test-thorough ## that, and what takes longer: every answer and attack, kills, the rehearsal, real MNIST

test-thorough: venv ## only what test-all adds to test; MNIST=folder runs the notebooks on it, too
	@$(PYTEST) -m thorough $(ARGS); thorough=$$?; \
	if [ -n "$(MNIST)" ]; then COURSE_DATA="$(MNIST)" $(PYTEST) notebooks $(ARGS) || exit 1; fi; exit $$thorough

run: venv ## make run CHAPTER=02: execute one chapter; the notebook and its HTML page appear under build/
	$(if $(CHAPTER),,$(error Which chapter? Name it, as in: make run CHAPTER=02))
	@$(BIN)/python -m course_utils chapters run "$(CHAPTER)" $(ARGS)

book: venv ## the HTML book under build/book/, which opens without a network (ARGS="--out FOLDER")
	@$(BIN)/python -c "import sphinx_book_theme, myst_nb, sphinx_copybutton, mathjax" 2>/dev/null || { \
	if command -v uv >/dev/null; then uv pip install --python $(BIN)/python -q -c constraints.txt -e '.[book]'; \
	else $(BIN)/python -m pip install -q -c constraints.txt -e '.[book]'; fi; }
	@$(BIN)/python -m course_utils book $(ARGS)

clean: ## remove .venv and build/
	@rm -rf .venv build
