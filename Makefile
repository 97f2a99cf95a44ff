# What people and CI do with this repository. `make help` lists it.
CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
PULLKEY := $(TARGET)/release/pullkey
# All of a cluster with a node.
KUBERNETES := tests/cluster/build etcd kubectl kube-apiserver kube-controller-manager kube-scheduler kubelet

.DEFAULT_GOAL := help
.PHONY: help run build book demo test test-faults test-node test-rollout soak lint bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the program, as target/release/pullkey
	$(CARGO) build --release --locked

run: ## Build, serve the example configuration and show a Pod being patched; PORT=8443 chooses the port
	$(CARGO) build --release --locked --bin pullkey --example try
	@exec $(TARGET)/release/examples/try $(PULLKEY) $(TARGET)/try

test: ## Set up what the tests need (the first time: Kubernetes and containerd built from source, about 10 minutes), then run all of them
	tests/prepare
	@# Without Go, or without a registry for Cargo, the tests that need these say so and are skipped; in CI they fail.
	$(KUBERNETES) || test -z "$$CI"
	tests/book/build || test -z "$$CI"
	tests/helm/build || test -z "$$CI"
	tests/oracle/build || test -z "$$CI"
	tests/promtool/build || test -z "$$CI"
	tests/transport/build || test -z "$$CI"
	tests/node/build || test -z "$$CI"
	tests/lint-dockerfile
	@# What runs in clusters, under load and under faults is the image's own binary, where it can be built.
	program=$$(tests/static-binary) && PULLKEY_PROGRAM=$$program $(CARGO) test --locked --no-fail-fast

test-faults: ## Do to the program what clients, strangers and machines do wrong, and print a table of what happens
	$(CARGO) test --release --locked --test faults

soak: ## A steady load with malformed requests in it; DURATION=10m says how long
	PULLKEY_SOAK=$(or $(DURATION),10m) $(CARGO) test --release --locked --test faults -- soak

test-node: ## As root, pull with a real kubelet and containerd from a registry with passwords, and print a table of what was seen
	tests/prepare
	program=$$(tests/static-binary) && PULLKEY_PROGRAM=$$program $(CARGO) test --locked --test node

book: ## Build the book of all that is written here, as target/book
	@docs/build

demo: ## As root, tell the story on a real node: an image that cannot be pulled, a label, a running Pod (half a minute once built)
	@# Before minutes of building.
	@test "$$(id -u)" = 0 || { echo "make demo: a kubelet needs Linux and root" >&2; exit 1; }
	@tests/prepare
	@program=$$(tests/static-binary) && PULLKEY_NODE=demo PULLKEY_PROGRAM=$$program $(CARGO) test --quiet --locked --test node

test-rollout: ## Restart, renew, kill and overload the release build under load, and print what was lost (about 20 minutes)
	$(CARGO) build --release --locked
	PULLKEY_ROLLOUT=long PULLKEY_PROGRAM=$(abspath $(PULLKEY)) $(CARGO) test --locked --test rollout

lint: ## Check formatting and run clippy; warnings are errors
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

bench: ## Measure speed and size of the image's own binary, and print them as a table
	program=$$(tests/static-binary) && $(CARGO) bench --locked --bench table -- --pullkey "$$program"

clean: ## Remove all that was built
	$(CARGO) clean
