# `make demo` and `make test` are all the set-up there is: they need Rust, a C toolchain and make.

# Outside the checkout, so that several checkouts compile the 450 dependencies once.
export QUORATE_CACHE ?= $(HOME)/.cache/quorate
export CARGO_TARGET_DIR ?= $(QUORATE_CACHE)/target

# rust-toolchain.toml names the compiler; where rustup can't fetch it, the installed one serves if it is new enough.
ifeq ($(shell cargo --version 2>/dev/null),)
export RUSTUP_TOOLCHAIN ?= stable
endif

CARGO ?= cargo
QUORATE = $(CARGO) run --quiet --package quorate --
DEMO ?= demo
FAULTS ?= 120
SEED ?= 1

.PHONY: help demo test chaos fuzz bench lint format docs deploy deny advisories ci clean-demo

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## a fleet with liars in it: what majority makes of it, and what Quorate does
	$(QUORATE) demo $(DEMO)

test: ## every test; set QUORATE_DATA to the folder of real votes for the suites that need it
	$(CARGO) test --workspace --features quorate/failpoints $(TEST_FLAGS)

chaos: ## 120 seeded faults of a cluster, its broker and its store: make chaos SEED=7 FAULTS=20 is another plan
	QUORATE_CHAOS=$(FAULTS) SEED=$(SEED) $(CARGO) test --workspace --features quorate/failpoints --test engine -- --nocapture chaos::

fuzz: ## rows, job files and log records that nobody wrote, for a minute each (needs a C++ compiler)
	scripts/fuzz.sh

bench: ## what the release build costs: votes from a file (w1), and whether anything grows (flat)
	$(CARGO) build --release --locked --package quorate
	$(CARGO) run --release --locked --manifest-path bench/Cargo.toml -- w1
	$(CARGO) run --release --locked --manifest-path bench/Cargo.toml -- flat

lint: ## formatting and clippy, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

format: ## what rustfmt says
	$(CARGO) fmt --all

docs: ## the API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

deploy: ## alerts, chart, Dockerfile, by the tools of their field
	scripts/deploy.sh

deny: ## licences, bans and sources of the dependencies
	scripts/deny.sh

advisories: ## known vulnerabilities of the dependencies (needs the network)
	scripts/deny.sh advisories

ci: ## everything that must hold before a merge
	.ci/run

clean-demo: ## forgets the demo's votes and tables
	rm -rf $(DEMO)
