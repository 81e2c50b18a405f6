# Builds the firmware images and their manifest. Included by the top Makefile, which calls
# `firmware`; alone: make -f firmware_stub/firmware.mk firmware
#
# Debian: apt-get install gcc-arm-none-eabi (12.2.rel1 builds the committed images bit for bit).

FW := firmware_stub
FW_PORT := $(FW)/ports/imxrt1170
# One image for each kernel library, and the folder of its sources.
FW_LIBRARIES := simd reference
FW_SOURCES_simd := $(FW)/src/kernels
FW_SOURCES_reference := $(FW)/src/kernels_reference
FW_IMAGES := $(FW_LIBRARIES:%=$(FW)/images/rt1170-%-itcm.elf) $(FW_LIBRARIES:%=$(FW)/images/rt1170-%-flash.elf)
FW_BUILD ?= build/firmware
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
    -I$(FW)/include -I$(FW)/src -I$(FW_PORT)
FW_OPTIMISE := -O2
# What runs once for a program, start-up, requests and checks: small, so that an image fits the 64 KiB of
# instruction memory that other chips have.
FW_OPTIMISE_ONCE := -Os
# Kernels are built as users build CMSIS-NN.
FW_OPTIMISE_KERNELS := -O3
FW_LDFLAGS := $(FW_CPU) -nostartfiles -nostdlib -Wl,--gc-sections -Wl,--build-id=none \
    -Wl,--fatal-warnings -Wl,--strip-debug -Wl,-z,noexecstack -Wl,-z,max-page-size=4

FW_CORE := $(sort $(wildcard $(FW)/src/*.c) $(wildcard $(FW_PORT)/*.c))
# Headers for the boot ROM and a copier: the same firmware as a flash image.
FW_FLASH := $(sort $(wildcard $(FW_PORT)/flash/*.c))
FW_SHARED := $(sort $(wildcard $(FW)/src/kernels_shared/*.c))
FW_HEADERS := $(sort $(wildcard $(FW)/include/*.h $(FW)/src/*.h $(FW)/src/kernels_shared/*.h $(FW_PORT)/*.h))
FW_LINKER_SCRIPT := $(FW_PORT)/link.ld.S
FW_SCRIPT := $(FW_PYTHON) scripts/firmware_manifest.py

.PHONY: firmware firmware-clean
firmware: $(FW_LIBRARIES:%=firmware-%)

firmware-clean:
	rm -rf $(FW_BUILD)

# $(1): a kernel library; $(2): where its objects go; $(3): its sources; $(4): all that its image is
# made of.
define FW_RULES
.PHONY: firmware-$(1)
firmware-$(1): $(FW)/images/rt1170-$(1)-itcm.elf $(FW)/images/rt1170-$(1)-flash.elf
	@$$(FW_SCRIPT) manifest $$(FW_MANIFEST) --image $$< --flash-image $$(word 2,$$^) --kernels $(1) --build $(2) \
	    --compiler $$(FW_CC) $(4) \
	    --flags='$$(FW_OPTIMISE) (kernels $$(FW_OPTIMISE_KERNELS), port and requests $$(FW_OPTIMISE_ONCE)) $$(filter-out -I% -ffile%,$$(FW_CFLAGS))'

$(2)/hwp_build.h: $(4)
	@mkdir -p $$(@D)
	@$$(FW_SCRIPT) build-id $(4) > $$@

$(2)/src/kernels%.o: FW_OPTIMISE := $$(FW_OPTIMISE_KERNELS)
$(2)/ports/%.o $(2)/src/record_rules.o $(2)/src/session.o $(2)/src/program.o: FW_OPTIMISE := $$(FW_OPTIMISE_ONCE)
$(2)/%.o: $(FW)/%.c $(2)/hwp_build.h
	@mkdir -p $$(@D)
	@echo CC $$<
	@$$(FW_CC) $$(FW_CFLAGS) -I$(2) $$(FW_OPTIMISE) -fcallgraph-info=su -c $$< -o $$@

$(2)/link.ld $(2)/link-flash.ld: $$(FW_LINKER_SCRIPT) $$(FW_HEADERS)
	@mkdir -p $$(@D)
	@$$(FW_CC) -E -P -x c -I$$(FW_PORT) $$(if $$(filter %-flash.ld,$$@),-DFLASH_IMAGE) $$< -o $$@

# The relocations stay in the image: with them the virtual boards of other chips move it.
$(2)/image.elf: FW_LDFLAGS += -Wl,--emit-relocs
# Nothing but sections in the segments: the file's headers would be written to the chip.
$(2)/flash.elf: FW_LDFLAGS += -Wl,--nmagic
$(2)/image.elf: $(patsubst $(FW)/%.c,$(2)/%.o,$(FW_CORE) $(FW_SHARED) $(filter %.c,$(3))) $(2)/link.ld
$(2)/flash.elf: $(patsubst $(FW)/%.c,$(2)/%.o,$(FW_CORE) $(FW_FLASH) $(FW_SHARED) $(filter %.c,$(3))) $(2)/link-flash.ld
$(2)/image.elf $(2)/flash.elf:
	@echo LD $$@
	@$$(FW_CC) $$(FW_LDFLAGS) -T $$(filter %.ld,$$^) $$(filter %.o,$$^) -lc -lgcc -o $$@

$(FW)/images/rt1170-$(1)-itcm.elf: $(2)/image.elf
$(FW)/images/rt1170-$(1)-flash.elf: $(2)/flash.elf
$(FW)/images/rt1170-$(1)-itcm.elf $(FW)/images/rt1170-$(1)-flash.elf:
	@mkdir -p $$(@D)
	@install -m 644 $$< $$@
endef

FW_KERNELS_OF = $(sort $(wildcard $(FW_SOURCES_$(1))/*.[ch]))
FW_PARTS_OF = $(FW_CORE) $(FW_FLASH) $(FW_SHARED) $(FW_HEADERS) $(call FW_KERNELS_OF,$(1)) $(FW_LINKER_SCRIPT) $(FW)/firmware.mk
$(foreach library,$(FW_LIBRARIES),$(eval $(call FW_RULES,$(library),$(FW_BUILD)/$(library),$(call FW_KERNELS_OF,$(library)),$(call FW_PARTS_OF,$(library)))))

include $(FW)/fuzz.mk
