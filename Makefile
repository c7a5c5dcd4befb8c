.DEFAULT_GOAL := help
.PHONY: help demo test bench lint fmt

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Show the main job on a private local server
	@scripts/setup
	@cargo run --release --locked --quiet -- demo

test: ## Run every check
	@scripts/setup test
	@scripts/check

bench: ## Measure speeds against their floors
	@scripts/setup
	@cargo bench --locked

lint: ## Check formatting and run clippy
	@scripts/check fmt
	@scripts/check clippy

fmt: ## Format the code
	@cargo fmt
