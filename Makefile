# make up starts a federation of real control planes on this machine; make down ends it.

SANDBOX := .cache/bin/sandbox
TEST_FLAGS ?= -timeout=40m
# Packages are tested in this order, and those that take longest are not to be the last to begin. Two that need an
# environment of their own stand between those that take turns with the shared ones.
LONGEST := ./test/e2e ./test/conformance ./test/ha ./test/deploy ./test/kubefed ./pkg/cli
VERSION ?= v0.0.0-dev
IMAGE ?= kubefederation/federation-apiserver:$(VERSION)

.PHONY: up
up: sandbox ## Start a sandbox: make up, make up MEMBERS=5, make up MEMBERS=master,slave.
	@$(SANDBOX) up $(if $(MEMBERS),--members=$(MEMBERS))

.PHONY: down
down: sandbox ## End the sandbox and remove what it wrote.
	@$(SANDBOX) down

.PHONY: build
build: ## Build federation-apiserver and kubectl-fed into bin/.
	go build -o bin/ ./cmd/...

.PHONY: image
image: ## Build the server's image for two platforms: make image IMAGE=REPOSITORY:TAG VERSION=v1.0.0, needs docker buildx.
	docker buildx build --platform=linux/amd64,linux/arm64 --build-arg=VERSION=$(VERSION) --tag=$(IMAGE) .

.PHONY: static
static: ## Build what is in the images, for amd64 and arm64, and check that it is static: some ten minutes, once.
	GOARCH=amd64 VERSION=$(VERSION) hack/build.sh bin/linux-amd64
	GOARCH=arm64 VERSION=$(VERSION) hack/build.sh bin/linux-arm64
	go run ./hack/static bin/linux-amd64 bin/linux-arm64

.PHONY: test
test: sandbox ## Run all tests, those that need clusters against two shared environments.
	@$(SANDBOX) run --environments=2 -- go test -p 4 $(TEST_FLAGS) $(LONGEST) ./...

.PHONY: test-unit
test-unit: ## Run the tests that need no clusters.
	go test -short ./...

.PHONY: conformance
conformance: sandbox ## Check the API's conventions row by row; reports in .conformance/.
	@$(SANDBOX) run -- go test ./test/conformance -count=1 $(TEST_FLAGS) -args -conformance.report=$(CURDIR)/.conformance

.PHONY: fuzz
fuzz: ## Fuzz each target in turn: make fuzz, make fuzz FUZZTIME=10m FUZZ=FuzzPlan.
	@hack/fuzz.sh

.PHONY: fuzz-api
fuzz-api: sandbox ## Send a server what its OpenAPI describes, and worse: make fuzz-api REQUESTS=20000.
	@$(SANDBOX) run -- go test ./test/fuzz -count=1 $(TEST_FLAGS) -v -args -api.requests=$(or $(REQUESTS),5000)

.PHONY: soak
soak: ## Put a federation under faults: make soak, make soak SOAK_FAULTS=500 SOAK_SEED=7 SOAK_MEMBERS=2.
	go test ./test/soak -count=1 -timeout=$(or $(SOAK_TIMEOUT),100m) -v -args -soak.faults=$(or $(SOAK_FAULTS),2000) \
		-soak.seed=$(or $(SOAK_SEED),$(shell date +%s)) -soak.members=$(or $(SOAK_MEMBERS),3) -soak.report=$(CURDIR)/.soak

.PHONY: race
race: ## Run the product under the race detector: what needs no clusters, then a server under faults and the end-to-end tests.
	go test -race -short -p 1 -timeout=60m ./apis/... ./pkg/... ./test/hollow
	FEDERATION_TEST_RACE=1 $(MAKE) soak SOAK_FAULTS=$(or $(SOAK_FAULTS),150)
	FEDERATION_TEST_RACE=1 go test ./test/e2e -count=1 -timeout=90m

.PHONY: bench
bench: ## Measure propagation against direct writes: make bench, make bench BENCH_FLAGS="-members 10 -budgets".
	go run ./test/bench $(BENCH_FLAGS)

.PHONY: bench-scale
bench-scale: ## Measure how cost grows with objects and hollow members: make bench-scale, make bench-scale BENCH_FLAGS=-full.
	go run ./test/bench -scenario scale $(BENCH_FLAGS)

.PHONY: bench-sick
bench-sick: ## Measure what one sick member of ten does to the others.
	go run ./test/bench -scenario sick -members 10 -objects 200 $(BENCH_FLAGS)

.PHONY: bench-restart
bench-restart: ## Measure what a server does that was killed: 10,000 objects in 3 members.
	go run ./test/bench -scenario restart -objects 10000 $(BENCH_FLAGS)

.PHONY: plots
plots: ## Draw what is in .bench/, and write its figures and tables into docs/performance.md.
	go -C hack/tools/plot run . -results=$(CURDIR)/.bench -figures=$(CURDIR)/docs/performance -page=$(CURDIR)/docs/performance.md

.PHONY: performance
performance: ## Measure all that docs/performance.md tells of and write it there: make performance PERFORMANCE_FLAGS=-full.
	go run ./test/bench
	go run ./test/bench -members 10
	go run ./test/bench -kind deployments
	go run ./test/bench -scenario scale $(PERFORMANCE_FLAGS)
	$(MAKE) plots

.PHONY: verify
verify: ## Check format, lint, generated code, modules.
	hack/verify.sh

.PHONY: sandbox
sandbox:
	@go build -o $(SANDBOX) ./hack/sandbox

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
