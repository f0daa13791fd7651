// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// Swift's Glibc module leaves <link.h> and <malloc.h> out. Without _GNU_SOURCE, which would make other types of the
// same headers than Swift's own module has, <link.h> leaves these two out.
struct CMemory_object {
    ElfW(Addr) dlpi_addr;
    const char *dlpi_name;
    const ElfW(Phdr) *dlpi_phdr;
    ElfW(Half) dlpi_phnum;
};
struct dl_phdr_info;
extern int dl_iterate_phdr(int (*)(struct dl_phdr_info *, size_t, void *), void *);

static inline int CMemory_unmap_segments(struct dl_phdr_info *info, size_t size, void *unused) {
    const struct CMemory_object *object = (const void *)info;
    (void)size, (void)unused;
    uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~mask;
        uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz + mask) & ~mask;
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

// Gives heap that is free back to the system, and takes the pages of code and constants out of the process: never those
// that may have been written, which would be lost. What is used comes back from the page cache at its next use.
static inline void CMemory_trim(void) {
    malloc_trim(0);
    dl_iterate_phdr(CMemory_unmap_segments, NULL);
}
