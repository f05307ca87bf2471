# One target per check. `make demo` and `make test` set up what they need by themselves, once.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO := cargo
FIXTURES := tests/fixtures
DEMO := $(FIXTURES)/dialogues/zh-dev-01-wealth-guaranteed.alaw8k.wav \
	$(FIXTURES)/dialogues/en-dev-02-collection-abuse.mp3_16k.mp3 \
	$(FIXTURES)/dialogues/en-dev-03-clean-hard-negative.m4a16k.m4a \
	$(FIXTURES)/mixed/zh-en-3min.opus.ogg

SEED ?= 1
SEEDS ?= 1

SECONDS_EACH ?= 60

# What takes longer than some seconds says so first.
say = printf '\033[1m%s\033[0m\n' "$(1)" >&2
# Without cargo-nextest: for one test program, of which there are many.
LONGEST_TEST ?= 30m

.PHONY: help setup demo test check fmt clippy docs licences unused features locks accuracy formats tier intake outages memory boundaries queue replay rules chaos chaos-engines chaos-long fuzz build

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install system packages and fetch the built-in engine (once)
	@deploy/setup.sh

build: setup ## Build the program, target/release/earmark, and have its engine prove itself
	@[ -e target/release/earmark ] || $(call say,building earmark (about seven minutes on two cores, once))
	@$(CARGO) build --release --locked
	@target/release/earmark engine

demo: build ## Process sample recordings, start to finish
	@deploy/demo.sh $(DEMO)

test: setup ## Run every test
	@deploy/sdks.sh
	@$(call say,building and running the tests (building takes about six minutes on two cores after \`make demo\`, thirteen without it, once; the tests seven or eight))
	@if cargo nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --workspace --cargo-profile release --locked --no-fail-fast && \
			$(CARGO) test --workspace --release --locked --doc --quiet; \
	else \
		echo "each test program is ended after $(LONGEST_TEST); cargo-nextest would end a test that hangs after minutes, and name it" >&2; \
		$(CARGO) --config 'target."cfg(unix)".runner = ["timeout", "--foreground", "--kill-after=10s", "$(LONGEST_TEST)"]' \
			test --workspace --release --locked --no-fail-fast; \
	fi

check: setup fmt unused features locks licences clippy docs ## Everything but the tests; the quick ones first

fmt: ## Formatting
	@$(CARGO) fmt --all -- --check

unused: ## Dependencies that no source file names
	@python3 deploy/checks/unused_dependencies.py

features: ## Features that make cargo compile a crate twice
	@python3 deploy/checks/features.py

locks: ## That the lock file of the fuzz targets, a workspace of their own, is up to date
	@$(CARGO) metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null || \
		{ echo "tests/fuzz/Cargo.lock is stale: run \`cargo metadata --manifest-path tests/fuzz/Cargo.toml >/dev/null\` and commit it" >&2; exit 1; }

licences: ## Licences of everything linked
	@python3 deploy/checks/licences.py

clippy: setup ## Lints, warnings refused
	@$(call say,linting every package (about four minutes on two cores the first time))
	@$(CARGO) clippy --workspace --all-targets --release --locked -- -D warnings

docs: setup ## Documentation, warnings refused
	@$(call say,building the documentation)
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --release --locked --quiet

accuracy: build ## Write docs/accuracy.md: errors, phrases and speed beside faster-whisper
	@python3 benches/accuracy.py

formats: build ## Write docs/formats.md: what programs write, and how well it is read (needs ffmpeg; lame, sox, vorbis-tools)
	@$(CARGO) build --release --locked -p earmark-audio --example decode
	@python3 benches/formats.py --speed

tier: setup ## Write docs/tier.md: that the account's tier is met exactly and used fully (half an hour)
	@$(CARGO) build --release --locked -p earmark -p earmark-simulator -p earmark-asker
	@python3 benches/tier.py

memory: setup ## Write docs/memory.md: memory of a worker for the largest recordings, from S3 (needs ffmpeg, 20 GB in /tmp)
	@$(CARGO) build --release --locked -p earmark -p earmark-simulator -p earmark-servers
	@python3 benches/memory.py

intake: build ## Print how many jobs a second are accepted on PostgreSQL (docs/postgres.md)
	@python3 benches/intake.py

outages: setup ## Print how soon work goes on after an outage; BEFORE=program to compare with (five minutes; root for a full disk)
	@$(CARGO) build --release --locked -p earmark -p earmark-simulator -p earmark-servers
	@python3 -B benches/outages.py $(if $(BEFORE),--before $(BEFORE))

boundaries: build ## Write docs/boundaries.md: what cutting costs, and how exact the times are
	@$(CARGO) build --release --locked -p earmark-pipeline --example stitch
	@python3 -B benches/boundaries.py $(RECORDINGS)

queue: setup ## Write docs/throughput.md: the Redis queue without work, beside BullMQ
	@$(CARGO) build --release --locked -p earmark-queue-bench
	@python3 benches/throughput.py

fuzz: setup ## Fuzz rule files and texts, SECONDS_EACH=n (60) for each
	@SECONDS_EACH=$(SECONDS_EACH) deploy/fuzz.sh

replay: build ## Print how long two rule sets take over 100 000 stored calls (3 GB in /tmp)
	@python3 benches/replay.py

rules: setup ## Write docs/rules-speed.md: the word index beside ahocorasick_rs
	@$(CARGO) build --release --locked -p earmark-rules --example words
	@python3 -B benches/rules.py

chaos: setup ## The crash run, a quarter of an hour (a full disk needs root): SEED=n another one, SEEDS=n so many of them (docs/chaos.md)
	@$(CARGO) build --release --locked --workspace --bin earmark --bin earmark-chaos
	@target/release/earmark-chaos --seed $(SEED) --seeds $(SEEDS)

chaos-engines: setup ## The crash run with the built-in engine, which is killed too: SEED, SEEDS as above
	@$(CARGO) build --release --locked --workspace --bin earmark --bin earmark-engine --bin earmark-chaos
	@target/release/earmark-chaos --engines --seed $(SEED) --seeds $(SEEDS)

chaos-long: setup ## A recording of three hours whose worker is killed five times
	@$(CARGO) build --release --locked --workspace --bin earmark --bin earmark-chaos
	@target/release/earmark-chaos --long --seed $(SEED)
