# Everything sets itself up: nothing but Python 3.11 or later is needed beforehand.
PYTHON ?= python3
export PYTHONDONTWRITEBYTECODE =
BENCHMARKS = startup gan_rounds zoo_rounds dcgan population neighbours frechet kernel_density metropolis manifold vae \
	conditional info_gan bi_gan cycle_gan super_resolution quality

.PHONY: demo test test-all check bench clean

demo: .venv/ready
	.venv/bin/pushforward compare digits

# Also what is marked slow: further cases of laws, a third of an hour in all.
test-all: .venv/ready
	OMP_NUM_THREADS=1 .venv/bin/pytest -n 2 -m ""

# Two workers with one thread each: threads of both on two cores would wait for each other.
test: .venv/ready
	OMP_NUM_THREADS=1 .venv/bin/pytest -n 2

check: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pytest tests/test_imports.py

bench: .venv-bench/ready
	for name in $(BENCHMARKS); do .venv-bench/bin/python bench/$$name.py $(BENCH_OPTIONS) || exit 1; done

clean:
	rm -rf .venv .venv-bench

# Nothing is compiled when it is installed, which takes longer than installing it: what is imported
# is, the first time, if Python may write it.
# The constraints make a checkout reproducible; they pin torch, whose newest build is not always the
# one for this machine.
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	.venv/bin/pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,study]'
	touch $@

.venv-bench/ready: pyproject.toml constraints.txt bench/peers.txt bench/peers-alone.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt -e .
	.venv-bench/bin/pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt -r bench/peers.txt
	.venv-bench/bin/pip install --no-compile --quiet --disable-pip-version-check --no-deps -r bench/peers-alone.txt
	touch $@
