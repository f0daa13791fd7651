// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <errno.h>
#include <poll.h>
#include <stdio.h>

// Swift takes `stdout` for a variable that threads may change. 0 if all that was printed is written; EPIPE if nobody reads it
// any more; else the errno of the last try, or -1 where an earlier one failed and nobody knows of what.
static inline int CStandardOutput_flush(void) {
    if (fflush(stdout) != 0) return errno;
    if (!ferror(stdout)) return 0;
    struct pollfd output = {.fd = fileno(stdout), .events = POLLOUT};
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) ? EPIPE : -1;
}
