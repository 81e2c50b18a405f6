# Builds the parts of a frame beside the network as one relocatable object, which any linker, and
# the virtual board's, places with a user's own code. Apart from firmware.mk because the images are
# named by the hash of their sources, that file among them.

ifndef FW
include firmware_stub/firmware.mk
endif

FW_FRAME := $(FW)/images/frame-parts.elf
FW_FRAME_BUILD := $(FW_BUILD)/frame
FW_FRAME_SOURCES := $(sort $(wildcard $(FW)/frame/*.c))
# Headers that say how pairs of int16 are packed are shared with the kernels.
FW_FRAME_HEADERS := $(sort $(wildcard $(FW)/frame/*.h) $(FW)/src/kernels/simd_s8.h \
    $(wildcard $(FW)/src/kernels_shared/*.h))
# Each product is rounded before it is added, as on the computer that checks it.
FW_FRAME_CFLAGS := $(FW_CFLAGS) $(FW_OPTIMISE_KERNELS) -ffp-contract=off -ffreestanding

.PHONY: firmware-frame
firmware: firmware-frame
firmware-frame: $(FW_FRAME)
	@$(FW_SCRIPT) object $(FW_MANIFEST) --object $< --build $(FW_FRAME_BUILD) --compiler $(FW_CC) \
	    --flags='$(filter-out -I% -ffile%,$(FW_FRAME_CFLAGS))' $(FW_FRAME_SOURCES) $(FW_FRAME_HEADERS) $(FW)/frame/frame.mk

$(FW_FRAME_BUILD)/%.o: $(FW)/frame/%.c $(FW_FRAME_HEADERS) $(FW)/frame/frame.mk
	@mkdir -p $(@D)
	@echo CC $<
	@$(FW_CC) $(FW_FRAME_CFLAGS) -fcallgraph-info=su -c $< -o $@

$(FW_FRAME): $(FW_FRAME_SOURCES:$(FW)/frame/%.c=$(FW_FRAME_BUILD)/%.o)
	@echo LD $@
	@mkdir -p $(@D)
	@$(FW_CC) $(FW_CPU) -nostdlib -r -Wl,--build-id=none $^ -o $@
