/* Addresses are resolved before the first counter reading and checksums taken after the second. */
#include "interpreter.h"

#include "board.h"
#include "crc32.h"
#include "records.h"

bool hwp_cycle_counter_runs(void)
{
    uint32_t start = board_cycles();
    for (uint32_t i = 0; i < 16u; i++) {
        if (board_cycles() != start) {
            return true;
        }
    }
    return false;
}

struct hwp_measured hwp_run_record(const struct hwp_program *program,
                                   const struct hwp_record *record, bool checksum)
{
    struct hwp_operands operands;
    struct hwp_measured measured = {0, 0};
    const uint32_t *words = hwp_record_words(record);
    hwp_kernel kernel = hwp_record_kernel(record);
    hwp_record_bind(record, &program->regions, &operands);

    board_forget_branches();
    uint32_t start = board_cycles();
    kernel(words, &operands);
    measured.cycles = board_cycles() - start;

    if (checksum) {
        measured.crc32 = hwp_crc32(operands.output, hwp_record_output_bytes(record));
    }
    return measured;
}
