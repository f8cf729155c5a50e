# Fresnel's commands. Each fetches what it needs, unless it is there already; `make help` lists them.
#
# A machine needs Rust (rustup or cargo), Node 20.19 or newer with npm, and a C compiler. `make test` also needs
# Python 3 and Chromium; on Debian it installs them when it may.

TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
export TARGET_DIR

.DEFAULT_GOAL := help
.PHONY: help run build library test test-tools lint bench bench-query dist clean

help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: build ## Builds and starts Fresnel with the embedded engine, on ./data and 127.0.0.1:8080
	@exec "$(TARGET_DIR)/release/fresnel" serve

build: library ## Builds the dashboard, the browser SDK and the release binary that holds them
	@scripts/build-pages
	cargo build --release --locked --bin fresnel

library: # The ClickHouse library, the rules for User-Agents, what pages are built with: from npm, as package-lock.json pins them.
	@scripts/fetch-node-packages runtime

test-tools: # Everything that the tests need beside Rust.
	@scripts/install-test-packages
	@scripts/fetch-node-packages all
	@scripts/build-pages
	@scripts/make-test-venv

test: test-tools ## Installs what the tests need and runs them all
	@scripts/run-tests

lint: ## Formatting, clippy, rustdoc, shell scripts, dependencies
	@scripts/run-lints

bench: library ## Measures and compares: docs/benchmarks.md
	cargo bench --locked

bench-query: library ## Loads events and measures what questions cost, beside DuckDB and PostgreSQL: docs/benchmarks.md
	@scripts/install-test-packages
	@scripts/bench-query

dist: build ## Packs dist/fresnel-<version>-<target>.tar.gz
	@scripts/make-dist

clean: ## Removes what was built and fetched; ./data stays
	cargo clean
	rm -rf node_modules dist web/dist sdk/dist
