# Everything here needs Go and, for `make test`, a C compiler (the race detector). PostgreSQL is found or fetched by the tests.

# Everything is compiled with these, and so once: for the checks, the builds and the tests. The race detector alone needs cgo.
export GOFLAGS     := -trimpath
export CGO_ENABLED := 0

VERSION := 1.0.0
# What build-… and SAM make: GOARCH=amd64 for Intel processors.
GOARCH  ?= arm64
GOFLAGS_LAMBDA := -tags lambda.norpc -buildvcs=false -ldflags='-s -w -buildid= -X main.version=$(VERSION)'
LAMBDA  := GOOS=linux go build $(GOFLAGS_LAMBDA)
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.DEFAULT_GOAL := help
.PHONY: help demo local test race soak matrix browser lint build pgrotator build-RotationFunction build-SweepFunction build-ParameterCheckFunction package deploy-pages bench clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-zA-Z-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The demo is built and then run in make's place: go run answers Ctrl-C with an error of its own.
DEMO := go build -o build/demo ./rotator/demo && exec build/demo

demo: ## Rotate and sweep a real PostgreSQL here, and tell the story
	@$(DEMO)

local: ## Leave that stack running, with commands to paste, until Ctrl-C
	@$(DEMO) local

# What runs at once and compiles in little time with the race detector, which trebles the time of a sweep: `make race` has all.
RACED := ./rotator/logread ./rotator/loginlog ./rotator/postgres ./rotator/internal/pgfault

test: ## Run all tests, and some with the race detector
	go test -timeout 25m ./...
	CGO_ENABLED=1 go test -race -short -timeout 25m $(RACED)

race: ## Run all tests with the race detector
	CGO_ENABLED=1 go test -race -timeout 60m ./...

soak: ## Run the long campaigns
	CGO_ENABLED=1 PGROTATOR_SOAK=1 PGROTATOR_MATRIX=1 go test -race -timeout 0 -count=1 $$(go list ./... | grep -v /evidence/model$$)
	PGROTATOR_SOAK=1 go test -timeout 0 -count=1 ./rotator/sweep/evidence/model

matrix: ## Run the rotation's scenarios on PostgreSQL 14 to 18, fetched
	PGROTATOR_MATRIX=1 go test -timeout 14m -count=1 -run Matrix ./...

# The versions of what looks at the pages in a browser.
BROWSER_PACKAGES := puppeteer-core@24.43.1 axe-core@4.14.1

browser: ## Look at the auditor's pages in Chromium, with axe (needs npm)
	@command -v chromium >/dev/null || { echo 'browser: skipped, chromium is not installed'; exit 0; }; \
	mkdir -p build/browser && echo '{"private":true}' > build/browser/package.json && \
	npm install --prefix build/browser --no-audit --no-fund --no-save --silent $(BROWSER_PACKAGES) && \
	PGROTATOR_BROWSER=1 go test -count=1 -v -run InABrowser ./rotator/report

lint: ## gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l rotator sql)" || { gofmt -l rotator sql; echo 'not as gofmt writes it'; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

build: ## Build build/bootstrap for this machine
	go build $(GOFLAGS_LAMBDA) -o build/bootstrap ./rotator

pgrotator: ## Build build/pgrotator, the command line, for this machine
	go build $(GOFLAGS_LAMBDA) -o build/pgrotator ./rotator

# SAM's makefile builder calls these with ARTIFACTS_DIR set.
build-RotationFunction build-SweepFunction build-ParameterCheckFunction:
	GOARCH=$(GOARCH) $(LAMBDA) -o "$(ARTIFACTS_DIR)/bootstrap" ./rotator

package: ## Write the zips, their checksums and a template for them
	for arch in arm64 amd64; do \
		GOARCH=$$arch $(LAMBDA) -o build/$$arch/bootstrap ./rotator && \
		go run ./rotator/internal/lambdazip build/$$arch/bootstrap build/pgrotator-$$arch.zip && \
		(cd build && sha256sum pgrotator-$$arch.zip > pgrotator-$$arch.zip.sha256) || exit 1; \
	done
	go run ./rotator/internal/plaintemplate template.yaml build/pgrotator.template.json

# Node's packages that the pages on CDK and Terraform are checked with; the second is 390 MB.
PAGES := $(CURDIR)/build/pages
deploy-pages: ## Check the pages on CDK and Terraform with those tools
	npm install --prefix $(PAGES) --no-audit --no-fund --ignore-scripts --legacy-peer-deps aws-cdk-lib@2.276.0 constructs@10.8.1 @cdktf/provider-aws@21.22.1
	PGROTATOR_NODE_MODULES=$(PAGES)/node_modules go test -count=1 -run 'Page' ./rotator/deploy

bench: ## Print what a rotation and a sweep cost on this machine
	go test -run '^$$' -bench . ./rotator/...

clean: ## Remove build/
	rm -rf build
