# Builds the firmware images and their manifest. Included by the top Makefile, which calls
# `firmware`; alone: make -f firmware_stub/firmware.mk firmware
#
# Debian: apt-get install gcc-arm-none-eabi (12.2.rel1 builds the committed images bit for bit).

FW := firmware_stub
FW_PORT := $(FW)/ports/imxrt1170
FW_IMAGE := $(FW)/images/rt1170-simd-itcm.elf
FW_BUILD ?= build/firmware/rt1170-simd-itcm
CROSS_COMPILE ?= arm-none-eabi-
FW_PYTHON ?= python3
# Empty: describe the image and leave the committed manifest alone.
FW_MANIFEST ?= --write

FW_CC := $(CROSS_COMPILE)gcc
FW_CPU := -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16
FW_WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Werror
# Nothing of the machine that compiles may reach the image: no paths, no times, no random names.
FW_REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)=. -fno-ident
FW_CFLAGS := -std=c11 -fno-strict-aliasing -ffunction-sections -fdata-sections \
    -fno-common $(FW_CPU) $(FW_WARNINGS) $(FW_REPRODUCIBLE) \
    -I$(FW)/include -I$(FW)/src -I$(FW_PORT) -I$(FW_BUILD)
FW_OPTIMISE := -O2
# Kernels are built as users build CMSIS-NN.
FW_OPTIMISE_KERNELS := -O3
# The relocations stay in the image: with them the virtual boards of other chips move it.
FW_LDFLAGS := $(FW_CPU) -Wl,--emit-relocs -nostartfiles -nostdlib -Wl,--gc-sections -Wl,--build-id=none \
    -Wl,--fatal-warnings -Wl,--strip-debug -Wl,-z,noexecstack -Wl,-z,max-page-size=4

FW_CORE := $(sort $(wildcard $(FW)/src/*.c) $(wildcard $(FW_PORT)/*.c))
FW_KERNELS := $(sort $(wildcard $(FW)/src/kernels/*.c))
FW_HEADERS := $(sort $(wildcard $(FW)/include/*.h $(FW)/src/*.h $(FW)/src/kernels/*.h $(FW_PORT)/*.h))
FW_LINKER_SCRIPT := $(FW_PORT)/link.ld.S
FW_OBJECTS := $(patsubst $(FW)/%.c,$(FW_BUILD)/%.o,$(FW_CORE) $(FW_KERNELS))
FW_SOURCES := $(FW_CORE) $(FW_KERNELS) $(FW_HEADERS) $(FW_LINKER_SCRIPT) $(FW)/firmware.mk
FW_SCRIPT := $(FW_PYTHON) scripts/firmware_manifest.py

.PHONY: firmware firmware-clean
firmware: $(FW_IMAGE)
	@$(FW_SCRIPT) manifest $(FW_MANIFEST) --image $(FW_IMAGE) --build $(FW_BUILD) \
	    --compiler $(FW_CC) $(FW_SOURCES) \
	    --flags='$(FW_OPTIMISE) (kernels $(FW_OPTIMISE_KERNELS)) $(filter-out -I% -ffile%,$(FW_CFLAGS))'

firmware-clean:
	rm -rf $(FW_BUILD)

$(FW_BUILD)/hwp_build.h: $(FW_SOURCES)
	@mkdir -p $(@D)
	@$(FW_SCRIPT) build-id $(FW_SOURCES) > $@

$(FW_BUILD)/src/kernels/%.o: FW_OPTIMISE := $(FW_OPTIMISE_KERNELS)
$(FW_BUILD)/%.o: $(FW)/%.c $(FW_HEADERS) $(FW_BUILD)/hwp_build.h
	@mkdir -p $(@D)
	@echo CC $<
	@$(FW_CC) $(FW_CFLAGS) $(FW_OPTIMISE) -fcallgraph-info=su -c $< -o $@

$(FW_BUILD)/link.ld: $(FW_LINKER_SCRIPT) $(FW_HEADERS)
	@mkdir -p $(@D)
	@$(FW_CC) -E -P -x c -I$(FW_PORT) $< -o $@

$(FW_BUILD)/image.elf: $(FW_OBJECTS) $(FW_BUILD)/link.ld
	@echo LD $@
	@$(FW_CC) $(FW_LDFLAGS) -T $(FW_BUILD)/link.ld $(FW_OBJECTS) -lc -lgcc -o $@

$(FW_IMAGE): $(FW_BUILD)/image.elf
	@mkdir -p $(@D)
	@install -m 644 $< $@

include $(FW)/fuzz.mk
