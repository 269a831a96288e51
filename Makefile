# The front door; cmake, cargo and the scripts do the work.
#   PREFIX=/usr/local DESTDIR=   where `make install` puts things
#   FUZZ_SECONDS=600             how long `make fuzz` runs each harness
#   SOAK_SECONDS=600             how long `make soak` lets everything fail
#   BX_JOBS=2                    how many compilers run at once
#   BX_CACHE_DIR                 what clones share; ~/.cache/boxagnts

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 600
BX_JOBS ?= 2
export BX_JOBS FUZZ_SECONDS

.DEFAULT_GOAL := help
.PHONY: help run build test bench lint asan fuzz soak fault coverage install clean
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

help:
	@echo 'make run      build everything and take the tour: an agent, a program'
	@echo '              and tools at work in the sandbox, then five attacks, stopped'
	@echo 'make build    the program build/bin/boxagnts, libboxagnts, the guests; what is'
	@echo '              missing on Debian is installed. The first build on a machine'
	@echo '              compiles the engine, about 5 minutes'
	@echo 'make test     build, then every test and a short run of each fuzz harness'
	@echo 'make bench    the benchmarks, as tables'
	@echo 'make asan     the tests under AddressSanitizer and UBSan'
	@echo 'make fuzz     each fuzz harness for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make soak     many callers for SOAK_SECONDS=$(SOAK_SECONDS) while workers die, disk and'
	@echo '              descriptors run out, and clock, signals and network misbehave'
	@echo 'make fault    each allocation and system call failing in turn, all of them'
	@echo 'make coverage which lines of the code that guards run in the tests'
	@echo 'make lint     format, static checks, layers'
	@echo 'make install  into PREFIX=$(PREFIX), below DESTDIR when that is set'
	@echo 'make clean    remove build/; the engine stays in the per-user cache'

run: build
	@examples/tour/run.sh

build:
	@scripts/build release product

test:
	@scripts/test

bench: build
	@scripts/build release bench bench_files
	@bench/run

lint:
	@scripts/lint

asan:
	@scripts/build dev all
	@scripts/ctest build/dev

fuzz:
	@scripts/fuzz "$(FUZZ_SECONDS)"

soak: build
	@scripts/build release soak
	@BX_BUILD_DIR=build build/tests/soak "$(SOAK_SECONDS)"

fault:
	@scripts/build release fault.policy fault.wasi \
		fault.worker fault.worker_parts fault.overlay
	@BX_FAULT_ALL=1 ctest --test-dir build -R '^fault\.' --output-on-failure

coverage:
	@scripts/coverage

# Root need not build: what is there is installed, with no second engine in
# root's own cache.
install:
	@test -x build/bin/boxagnts || $(MAKE) build
	@cmake --install build --prefix "$(PREFIX)" --strip

clean:
	@rm -rf build
