# The npm scripts by the names of make. `make test FILES=test/routing/plan.test.ts` runs some tests.
.PHONY: install build run test coverage format lint typecheck bench

install: node_modules

node_modules: package.json package-lock.json
	npm ci
	touch node_modules

build: node_modules
	npm run build

run: build
	node bin/llmproxy.js serve

test: node_modules
	npm test -- $(FILES)

coverage: node_modules
	npm test -- --coverage $(FILES)

format: node_modules
	npm run format

lint: node_modules
	npm run lint

typecheck: node_modules
	npm run typecheck

bench: node_modules
	npm run bench
