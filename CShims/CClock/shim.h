// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/timex.h>

// Swift's Glibc module leaves <sys/timex.h> out. 1 if the kernel takes the clock to be synchronized, 0 if not, -1 if it
// does not say.
static inline int CClock_is_synchronized(void) {
    struct timex state = {.modes = 0};
    int result = adjtimex(&state);
    if (result < 0) return -1;
    return result != TIME_ERROR && !(state.status & STA_UNSYNC);
}
