# Entry points for people and machines. Each target installs what it needs first and is quiet about what is there.

.PHONY: help build demo packages evidence test tables faults bench mutants claims fuzz clean

# Tests that write a table.
TABLES := --test arm_conformance --test breaks --test encode --test lemmas --test operand_roles --test optimize --test pass_effects --test selection --test spec_suite \
	--test symbolic --test terms

# Programs that `make faults` compiles with each fault, beside those of corpus/miscompiles.
FAULT_PROGRAMS := bit_counts branch_tables can_frame event_dispatch globals kernel_stack linked_list loops memory_operators message_queue \
	multi_value mutex operators pid pipe poll q15 ring_buffer scheduler segments semaphore strings tables timer_wheel traps

# Modules in which those faults act that act nowhere else.
FAULT_MODULES := $(sort $(wildcard tests/passes/*.wat tests/faults/*.wat))

help: ## This list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Builds the compiler and the checker, optimized.
	@scripts/setup-build.sh
	cargo build --release --workspace

demo: ## Compiles and proves a kernel module, shows the verdicts, runs the result.
	@scripts/setup-build.sh
	@scripts/demo.sh

packages: ## Writes and verifies packages of evidence of three programs in target/evidence/.
	@scripts/setup-build.sh
	@scripts/evidence.sh

evidence: packages ## Packages of evidence of three programs, and of the tool, whose tests are run.
	@scripts/evidence-tool.sh

test: ## Runs all tests, the emulator's included.
	@scripts/setup-build.sh
	@scripts/setup-test.sh
	@scripts/fetch-modules.sh
	cargo test --workspace
	cargo test --features faults --test faults --test miscompiles --test passes
	cargo test --features faults --test evidence --test explain --test ignored_words --test optimize --test proof_cache fault
	@cat docs/conformance/*.md

tables: ## Runs the tests that count cases and writes their tables to docs/conformance/.
	@scripts/setup-build.sh
	@scripts/setup-test.sh
	BLESS=1 cargo test --workspace $(TABLES)

faults: ## Switches every fault of the compiler on over the corpus and writes docs/conformance/faults.md.
	@scripts/setup-build.sh
	cargo run --quiet --features faults -- faults --form markdown $(addprefix --only ,$(FAULT_PROGRAMS)) $(addprefix --module ,$(FAULT_MODULES)) > target/faults.md
	@mv target/faults.md docs/conformance/faults.md

bench: ## Measures the corpus' code beside clang's and wasm2c's and writes docs/code-quality.md.
	@scripts/setup-build.sh
	@scripts/setup-test.sh
	cargo run --release --quiet -- bench code --format markdown --plot docs/code-quality.svg > target/code-quality.md
	@mv target/code-quality.md docs/code-quality.md
	@cat docs/code-quality.md

mutants: ## Examines the validator with 100,000 changed objects and writes docs/conformance/mutants.md. Takes half an hour of two cores.
	@scripts/setup-build.sh
	@scripts/fetch-modules.sh
	cargo run --release --quiet -- corpus mutate --format document > target/mutants.md
	@mv target/mutants.md docs/conformance/mutants.md
	@cat docs/conformance/mutants.md

claims: ## Tries 500 damaged claims on each wrong object and damages certificates; writes docs/conformance/{claims,certificates}.md. Takes some minutes.
	@scripts/setup-build.sh
	BLESS=1 CLAIM_MUTANTS=500 cargo test --test claims -- --nocapture

fuzz: ## Proves and runs 20,000 generated programs and writes docs/conformance/fuzzing.md. Takes half an hour; goes on where it was stopped.
	@scripts/setup-build.sh
	@scripts/setup-test.sh
	BLESS=1 FUZZ_PROGRAMS=20000 FUZZ_RECORD=$(CURDIR)/target/fuzz.jsonl cargo test --release --test whole_pipeline -- --nocapture

clean: ## Removes what was built and fetched.
	cargo clean
	rm -rf third-party
