/* The instrument: serve one host for ever. */
#include "board.h"
#include "crc32.h"
#include "session.h"

int main(void)
{
    board_initialise();
    hwp_crc32_initialise();
    hwp_session_serve();
}
