// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// Asks for turns of so many nanoseconds for the calling thread, whose next turn then comes the sooner: Linux from 6.12 on
// does so, others go on as before. 0, or -1 with errno. The C library of Debian 12 has neither of the two calls, nor their
// structure. - sched_setattr(2)
static inline int CThreads_set_slice(uint64_t nanoseconds) {
    struct {
        uint32_t size;
        uint32_t policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime;
        uint64_t deadline;
        uint64_t period;
    } attributes = {.size = sizeof attributes};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return -1;
    attributes.runtime = nanoseconds;
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}
