SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -euc
.DEFAULT_GOAL := help

GO   ?= go
GCL  ?= golangci-lint
FUZZ ?= 30s
PKG  ?= ./...

.PHONY: help
help: ## list the targets
	@awk 'BEGIN{FS=":.*## "} /^[a-z-]+:.*## /{printf "  %-10s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

.PHONY: build test race fuzz bench golden fmt lint tidy
build: ## compile everything, for every supported platform
	$(GO) build $(PKG)
	GOOS=darwin $(GO) vet $(PKG)

test: ## all tests that need neither root nor Docker
	$(GO) test $(PKG)

race: ## the same under the race detector, uncached, in random order
	$(GO) test -race -shuffle=on -count=1 -timeout=10m $(PKG)

fuzz: ## every fuzz target for FUZZ
	@for p in $$($(GO) list $(PKG)); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ) $$p; done; done

bench: ## benchmarks, for benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count 10 $(PKG)

golden: ## write the golden files that do not exist yet
	UPDATE_GOLDEN=1 $(GO) test -count=1 $(PKG)

fmt: ## format and order imports
	$(GCL) fmt

lint: ## golangci-lint, its configuration included
	$(GCL) config verify
	$(GCL) run
	$(GCL) fmt -d

tidy: ## go.mod and go.sum are exact
	$(GO) mod tidy -diff
	$(GO) mod verify
