/* The board's side of docs/PROTOCOL.md. */
#ifndef SESSION_H
#define SESSION_H

/* Answers requests for ever. */
_Noreturn void hwp_session_serve(void);

#endif
