# The firmware's core as a process of the host, under sanitizers, fed with damaged programs and
# noise for FW_FUZZ_SECONDS. Needs a host compiler and the project's Python environment.
FW_FUZZ_SECONDS ?= 60
FW_FUZZ_SEED ?= 0
FW_FUZZ_PYTHON ?= .venv/bin/python
FW_HOST := $(FW)/ports/host
FW_HOST_SOURCES := $(sort $(wildcard $(FW)/src/*.c) $(wildcard $(FW_HOST)/*.c))

FW_NATIVE ?= build/firmware/host/firmware

.PHONY: firmware-fuzz firmware-native
firmware-fuzz: $(FW_NATIVE)
	$(FW_FUZZ_PYTHON) scripts/fuzz_firmware.py $< --seconds $(FW_FUZZ_SECONDS) --seed $(FW_FUZZ_SEED)

firmware-native: $(FW_NATIVE)

$(FW_NATIVE): $(FW_HOST_SOURCES) $(FW_HEADERS)
	@mkdir -p $(@D)
	printf '#define HWP_BUILD_ID "host"\n' > $(@D)/hwp_build.h
	$(CC) -std=c11 -D_DEFAULT_SOURCE -O1 -g $(FW_WARNINGS) -fno-strict-aliasing \
	    -fsanitize=address,undefined -fno-sanitize-recover=all \
	    -I$(FW)/include -I$(FW)/src -I$(@D) $(FW_HOST_SOURCES) -o $@
