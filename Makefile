# Commands of this project; `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
DOCKER ?= docker
IMAGE ?= traffic-signs
TARGET ?= gpu
# of the image that is built and pushed; linux/arm64 is for endpoints on Graviton
PLATFORM ?= linux/amd64
DATA ?= synthetic
SPLIT ?= track
PRESET ?= lenet
# the synthetic set is a seventh of GTSRB, so it needs more epochs for as many steps
HYPERPARAMETERS ?= $(if $(filter synthetic,$(DATA)),epochs=40)
PORT ?= 8080
REPOSITORY ?= traffic-signs
# preset of the served model in benchmarks: with it, the server's own share of the time is largest
NETWORK ?= quick
# earlier commit that the serving benchmarks compare with; none by default
BASELINE ?=

parameters := preset=$(PRESET) $(HYPERPARAMETERS)
name := $(notdir $(patsubst %/,%,$(DATA)))
ifneq ($(word 2,$(DATA)),)
$(error DATA=$(DATA) has a space: use a link without one)
else ifneq ($(filter . ..,$(or $(name),.)),)
$(error DATA=$(DATA) has no name for the results: write out the folder's name)
endif
results := results/$(name)
# apart from the images of users; not below $(results), which a benchmark overrides
prepared := results/$(name)/data
bench_model := results/bench/$(NETWORK)/opt-ml/model
bench_images = --image $(cpu_image) --bench-image $(IMAGE):bench-serving \
	$(if $(BASELINE),--baseline-image $(baseline_name):cpu)
baseline_name = $(IMAGE)-baseline-$(shell git rev-parse --short $(BASELINE))
revision = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
version = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' container/traffic_signs/__init__.py)
search = --training $(prepared)/training --validation $(prepared)/validation $(addprefix -p ,$(parameters))
arm := $(if $(filter linux/arm64,$(PLATFORM)),-arm64)
cpu_image := $(IMAGE):cpu$(arm)
local := --image $(cpu_image) --base $(results)/opt-ml
endpoint = $(or $(ENDPOINT),$(error ENDPOINT=NAME is missing))
# a variable, because `make -n` runs recipe lines that contain MAKE, and would start the server
submake := $(MAKE) --no-print-directory
export DOCKER BASE YES SAGEMAKER_ROLE SCHEDULER_ROLE
sdk := .venv-sdk-v2/bin/python

.PHONY: help demo install data image local-train local-serve local-predict evaluate build contract check-zoo test-gpu-image test-arm-image \
	push train tune tune-local register approve deploy update rollback status inventory doctor invoke evaluate-endpoint delete-endpoint transform sagemaker-local sdk-v3 test test-unit lint docs format fuzz mutants \
	bench-training bench-pipeline bench-counting bench-image baseline-image bench-serving bench-endurance bench-large \
	bench-transform lock clean clean-results

help: ## list the make targets
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)
	@echo
	@echo "DATA=synthetic | download | a folder, zip or tar with GTSRB, a folder of images per class, or a table of images"
	@echo "SPLIT=track | random   PRESET=lenet | quick | fast | best   HYPERPARAMETERS='epochs=10 seed=2'   PORT=8080   TARGET=gpu | cpu"

##@ Start here

# output for people: the job's log and most predictions go to files
demo: train_log := --log $(results)/train.log
demo: local-train ## run everything: data, training, serving, predictions, evaluation
	$(PYTHON) -m local_test serve $(local) --port $(PORT) -- $(submake) local-predict evaluate rows=3
	@printf '%s\n' '' 'Where to look:' \
		'  $(prepared)/   class-distribution.png, sample-sheet.png, the arrays' \
		'  $(results)/opt-ml/output/data/report.html   curves, confusion matrix, accuracy per class, mistakes' \
		'  $(results)/opt-ml/model/   the model that an endpoint would serve' \
		'  $(results)/predictions.png   a test image of each class with its answer' \
		'  $(results)/evaluation/   accuracy per class on the test set'

install: .venv/installed ## create .venv with pinned packages

# compiled here: a Python that cannot write bytecode would compile TensorFlow at every start
.venv/installed: docker/locks/dev.txt pyproject.toml
	python3.11 -m venv .venv
	$(PYTHON) -m pip install --quiet uv
	VIRTUAL_ENV=.venv .venv/bin/uv pip sync --quiet --compile-bytecode --require-hashes $<
	VIRTUAL_ENV=.venv .venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv-sdk-%/installed: scripts/locks/sdk-%.txt | .venv/installed
	python3.11 -m venv .venv-sdk-$*
	VIRTUAL_ENV=.venv-sdk-$* .venv/bin/uv pip sync --quiet --compile-bytecode --require-hashes $<
	@touch $@

data: install ## convert DATA to training arrays and pictures in results/; ALLOW_UNUSED=1, DROP_LEAKS=1
	$(PYTHON) -m traffic_signs.data $(DATA) --split $(SPLIT) $(if $(ALLOW_UNUSED),--allow-unused) $(if $(DROP_LEAKS),--drop-leaks) \
		--output $(prepared)

local-train: data image ## train as SageMaker does, in the container (without Docker, on the host)
	$(PYTHON) -m local_test train $(local) --training $(prepared)/training --validation $(prepared)/validation \
		$(addprefix -p ,$(parameters)) $(train_log)

local-serve: install image ## serve the trained model on PORT, with a browser page to try it, until Ctrl-C
	@test -n "$$(ls -A $(results)/opt-ml/model 2>/dev/null)" || \
		{ echo 'no model in $(results)/opt-ml; run make local-train first, with the same DATA=' >&2; exit 2; }
	$(PYTHON) -m local_test serve $(local) --port $(PORT) --page

local-predict: install ## send a test image of each class to the running server
	$(PYTHON) -m scripts.invoke --url http://127.0.0.1:$(PORT) --picture $(results)/predictions.png \
		$(addprefix --rows ,$(rows)) $(prepared)/samples

tune-local: data image ## search for hyperparameters with training jobs here; TUNE='--max-jobs 20 --early-stopping'
	$(PYTHON) -m scripts.tune_local --image $(cpu_image) --output $(results)/tuning $(search) $(TUNE)

evaluate: install ## measure the accuracy of the running server on the test set
	$(PYTHON) -m scripts.evaluate --url http://127.0.0.1:$(PORT) --output $(results)/evaluation $(prepared)/test/test.npz

##@ Your image

build: ## build the image for TARGET, gpu by default; PLATFORM=linux/arm64; BASE=IMAGE replaces the base image
	@PLATFORM=$(PLATFORM) VERSION=$(version) REVISION=$(revision) docker/build $(TARGET) $(IMAGE):$(TARGET)$(arm)

image:
	@if $(DOCKER) info >/dev/null 2>&1; then $(submake) build TARGET=cpu; fi

# few epochs, because the check runs a dozen jobs
contract: local-train ## check the cpu image against SageMaker's container contract; reports in results/
	$(PYTHON) -m local_test check $(cpu_image) --data training=$(prepared)/training --data validation=$(prepared)/validation \
		-p preset=$(PRESET) -p epochs=5 --model $(results)/opt-ml/model --payload "$$(ls $(prepared)/samples/* | head -1)" \
		--content-type image/x-portable-pixmap --output $(results)/contract $(if $(arm),--only hosting)

# outside `make test`, because it builds seventeen images
check-zoo: install ## check images of others, half an hour, and write docs/zoo.md; ZOO='web/go web/node'
	$(PYTHON) -m tests.zoo $(ZOO)

test-gpu-image: install ## build and test the gpu image
	$(MAKE) --no-print-directory build TARGET=gpu
	IMAGE_TAG=gpu $(PYTHON) -m pytest tests/contract/test_image.py

test-arm-image: install ## build and test the cpu image for linux/arm64, for which an x86 machine needs QEMU
	$(MAKE) --no-print-directory build TARGET=cpu PLATFORM=linux/arm64
	IMAGE_TAG=cpu-arm64 $(PYTHON) -m pytest tests/contract/test_image.py

##@ SageMaker

push: install build ## build, push and check the image of TARGET in ECR; REPOSITORY, REGION, ALLOW_DIRTY=1
	$(PYTHON) -m scripts.push --image $(IMAGE):$(TARGET)$(arm) --repository $(REPOSITORY) \
		$(if $(REGION),--region $(REGION)) $(if $(ALLOW_DIRTY),--allow-dirty)

train: data .venv-sdk-v2/installed ## train on SageMaker with the pushed image; SAGEMAKER_ROLE=arn:..., AWS_OPTIONS='--spot'
	@test -f results/image-uri.txt || { echo 'no image has been pushed; run make push first' >&2; exit 2; }
	$(sdk) -m scripts.train --image "$$(cat results/image-uri.txt)" --training $(prepared)/training \
		--validation $(prepared)/validation $(addprefix -p ,$(parameters)) $(AWS_OPTIONS)

tune: data ## search for hyperparameters with a tuning job; SAGEMAKER_ROLE=arn:..., TUNE='--spot'
	@test -f results/image-uri.txt || { echo 'no image has been pushed; run make push first' >&2; exit 2; }
	$(PYTHON) -m scripts.tune --image "$$(cat results/image-uri.txt)" $(search) $(TUNE)

deploy: .venv-sdk-v2/installed ## deploy the trained model to an endpoint; AWS_OPTIONS='--serverless'
	$(sdk) -m scripts.deploy $(AWS_OPTIONS)

register: install ## register the trained model as a version that waits for approval; AWS_OPTIONS='--group NAME'
	$(PYTHON) -m scripts.register $(addprefix --sample ,$(firstword $(wildcard $(prepared)/samples/*))) $(AWS_OPTIONS)

approve: install ## approve MODEL, GROUP/VERSION or the newest of a GROUP; AWS_OPTIONS='--reject --reason TEXT'
	$(PYTHON) -m scripts.approve $(or $(MODEL),traffic-signs) $(AWS_OPTIONS)

invoke: install ## send a test image of each class to the endpoint ENDPOINT
	$(PYTHON) -m scripts.invoke --endpoint $(endpoint) $(prepared)/samples

evaluate-endpoint: install ## measure the accuracy of the endpoint ENDPOINT on the test set
	$(PYTHON) -m scripts.evaluate --endpoint $(endpoint) --output $(results)/evaluation $(prepared)/test/test.npz

update: install ## put the last trained model on ENDPOINT=NAME, with a way back; AWS_OPTIONS='--bake 600'
	$(PYTHON) -m scripts.update $(endpoint) $(AWS_OPTIONS)

rollback: install ## give ENDPOINT=NAME the configuration back that it had before the update
	$(PYTHON) -m scripts.rollback $(endpoint) $(AWS_OPTIONS)

status: install ## show what ENDPOINT=NAME runs and is doing; AWS_OPTIONS=--follow
	$(PYTHON) -m scripts.status $(endpoint) $(AWS_OPTIONS)

doctor: install ## explain why WHAT failed: a job or endpoint (name or ARN), a saved log or description
	$(PYTHON) -m scripts.doctor "$(or $(WHAT),$(error WHAT is missing: the name or ARN of a job or endpoint, or a file))"

inventory: install ## list what this project runs, what it costs and what is idle; DELETE=NAME
	$(PYTHON) -m scripts.inventory $(addprefix --delete ,$(DELETE))

delete-endpoint: install ## delete the endpoint ENDPOINT, its configuration and its model
	$(PYTHON) -m scripts.delete_endpoint $(endpoint)

transform: data .venv-sdk-v2/installed ## measure the accuracy on the test set with a batch transform job
	$(sdk) -m scripts.transform $(prepared)/test/test.npz --output $(results)/transform $(AWS_OPTIONS)

##@ SageMaker's own local mode

sagemaker-local: data image .venv-sdk-v2/installed ## train, deploy, predict, delete with SDK v2; INSTANCES=2
	$(sdk) -m scripts.sagemaker_local --image $(cpu_image) --training $(prepared)/training \
		--validation $(prepared)/validation --samples $(prepared)/samples --output $(results)/sagemaker-local \
		--port $(PORT) --instances $(or $(INSTANCES),1) $(addprefix -p ,$(parameters))

sdk-v3: data image .venv-sdk-v3/installed ## the same with SDK v3
	.venv-sdk-v3/bin/python -m scripts.sdk_v3 --image $(cpu_image) --training $(prepared)/training \
		--samples $(prepared)/samples --port $(PORT) --output $(results)/sdk-v3 $(addprefix -p ,$(parameters))

##@ Tests

test-unit: install ## run the unit tests and print which branches of the package they cover
	$(PYTHON) -m pytest tests/unit --cov

# the unit tests first: they find most mistakes in the least time; the steps before them mostly use one core
test: install image ## run lint and all tests; GTSRB=folder adds those on the real data
	@$(submake) --jobs 2 --output-sync lint docs .venv-sdk-v2/installed .venv-sdk-v3/installed
	@$(submake) test-unit
	$(PYTHON) -m pytest --ignore tests/unit

lint: install ## run ruff, mypy, hadolint, shellcheck, codespell
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/hadolint docker/Dockerfile tests/bench/serving/Dockerfile tests/contract/check/good/Dockerfile \
		tests/zoo/*/*/Dockerfile
	.venv/bin/shellcheck docker/build docker/serve docker/slim docker/train .ci/run findings/*.sh tests/bench/serving/peers/*.sh \
		tests/bench/serving/peers/limits/*.sh
	.venv/bin/codespell

docs: install ## build the documentation into build/docs; a dead link is an error
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet --clean

format: install ## format and fix the code with ruff
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

fuzz: install ## send 100,000 malformed requests to the server, five minutes; FUZZ='--requests 5000 --seed 2'
	$(PYTHON) -m tests.slow.fuzz $(FUZZ)

mutants: install ## run the check on images with a fault each, and on odd ones without; ONLY=H3,T13-signal TIMES=20
	$(PYTHON) -m tests.contract.check.mutants $(addprefix --only ,$(ONLY)) $(addprefix --times ,$(TIMES)) \
		$(if $(EVERY),--every-scenario)

##@ Benchmarks; BENCH='--help' lists the options

bench-training: data ## train the article's recipe and the presets, one to two hours; DATA=download, BENCH='--recipe quick'
	$(PYTHON) -m tests.bench.training $(prepared) $(BENCH)

bench-pipeline: data ## time of a training step, without augmentation, and in float32; DATA=download
	$(PYTHON) -m tests.bench.pipeline $(prepared) $(BENCH)

bench-counting: install ## CPU time of counting a request, compared with prometheus_client
	$(PYTHON) -m tests.bench.counting $(BENCH)

bench-image: image
	DOCKER_BUILDKIT=1 $(DOCKER) build --platform linux/amd64 --tag $(IMAGE):bench-serving tests/bench/serving

# with that commit's own Makefile, because the build arguments may differ
baseline-image:
	$(if $(BASELINE),rm -rf build/baseline && mkdir -p build/baseline && set -o pipefail && \
		git archive $(BASELINE) | tar --extract --directory build/baseline && \
		$(submake) -C build/baseline build TARGET=cpu IMAGE=$(baseline_name) revision=$$(git rev-parse $(BASELINE)))

# one epoch, because speed does not depend on accuracy
results/bench/%/opt-ml/model/artifact.json: | data image
	$(MAKE) --no-print-directory local-train results=results/bench/$* PRESET=$* HYPERPARAMETERS=epochs=1

bench-serving: bench-image baseline-image $(bench_model)/artifact.json ## this server, a BASELINE=commit and peers, an hour; NETWORK=best, BENCH='--servers ours,mosec'
	$(PYTHON) -m tests.bench.serving $(prepared) --model $(bench_model) $(bench_images) $(BENCH)

bench-endurance: bench-image baseline-image $(bench_model)/artifact.json ## this server and a BASELINE=commit: memory over 200,000 requests, overload
	$(PYTHON) -m tests.bench.serving.endurance $(prepared) $(bench_model) $(bench_images) $(BENCH)

bench-large: bench-image baseline-image $(bench_model)/artifact.json ## this server and a BASELINE=commit: 100,000 bodies of 100 kB to 20 MB; NETWORK=lenet
	$(PYTHON) -m tests.bench.serving.large $(prepared) $(bench_model) $(bench_images) $(BENCH)

bench-transform: data image .venv-sdk-v2/installed $(bench_model)/artifact.json ## a batch transform job of 200,000 records in local mode; BENCH='--kind jsonlines'
	$(sdk) -m tests.bench.transform $(prepared) $(bench_model) --image $(cpu_image) $(BENCH)

##@ Housekeeping

# cpu is for x86-64 and Arm, which take TensorFlow from different packages, gpu for x86-64
lock: install ## update the pinned packages of the images and of development
	@for target in 'cpu --universal' 'gpu --python-platform x86_64-manylinux_2_28'; do set -- $$target; \
		.venv/bin/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --extra $$target \
			--python-version 3.11 pyproject.toml --output-file docker/locks/$$1.txt || exit; \
	done
	.venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate --extra cpu --group dev \
		--python-version 3.11 --constraint docker/locks/cpu.txt pyproject.toml --output-file docker/locks/dev.txt
	@for sdk in sdk-v2 sdk-v3; do \
		.venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate \
			--python-version 3.11 --group pyproject.toml:$$sdk --output-file scripts/locks/$$sdk.txt || exit; \
	done

# clean-results alone deletes data and results of the user
clean: ## delete caches, build logs and environments; make install recreates them
	rm -rf .venv .venv-sdk-* build .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage container/*.egg-info
	find . \( -path ./.git -o -path ./data -o -path ./results \) -prune -o -name __pycache__ -print0 | xargs -0 rm -rf

clean-results: ## list and delete results/: arrays, models, pictures; asks, or YES=1
	@if [ ! -e results ]; then echo 'results/ does not exist'; exit; fi; \
	du --all --human-readable --max-depth=2 results; \
	if [ "$(YES)" != 1 ]; then \
		[ -t 0 ] || { echo 'nothing deleted: cannot ask without a terminal; set YES=1' >&2; exit 2; }; \
		read -r -p 'delete all of it? [y/N] ' answer; [ "$$answer" = y ] || { echo 'nothing deleted'; exit; }; \
	fi; \
	rm -rf results; echo 'deleted results/'
