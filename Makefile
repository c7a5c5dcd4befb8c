.DEFAULT_GOAL := help
.PHONY: help demo test chaos soak fuzz bench scale lint fmt

# How long `make soak` takes.
MINUTES ?= 60
# How many seconds `make fuzz` gives to each reader.
EACH ?= 60

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Show the main job on a private local server
	@scripts/setup
	@cargo run --release --locked --quiet -- demo

test: ## Run every check
	@scripts/setup test
	@scripts/check

chaos: ## Kill clients and servers for long (CHAOS_ROUNDS=200)
	@scripts/setup test
	@cargo test --locked --test it chaos -- --ignored --nocapture --test-threads 1

soak: ## Do everything at once for long, with faults (MINUTES=60)
	@scripts/setup test
	@SOAK_MINUTES=$(MINUTES) cargo test --locked --test it all_at_once -- --nocapture --test-threads 1

fuzz: ## Feed a million changed backups, and whatever else, to the readers (EACH=60 seconds)
	@cargo test --release --locked --lib a_million_changed_backups -- --ignored
	@scripts/fuzz $(EACH)

bench: ## Measure speeds against their floors
	@scripts/setup
	@cargo bench --locked

scale: ## Do everything with 100, 1,000 and 10,000 tenants, and write docs/scale.md
	@scripts/setup
	@cargo bench --locked --bench scale

lint: ## Check formatting and run clippy
	@scripts/check fmt
	@scripts/check clippy

fmt: ## Format the code
	@cargo fmt
