.DEFAULT_GOAL := help
.PHONY: help demo test bench lint fmt

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

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
