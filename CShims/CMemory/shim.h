// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <elf.h>
// Swift's Glibc module leaves it out.
#include <malloc.h>
#include <stddef.h>

// Of <link.h>, which has it for _GNU_SOURCE alone; with that, types of the C library would differ from other modules'.
// It has more members in the end, which nobody here asks for. - dl_iterate_phdr(3)
struct dl_phdr_info {
    Elf64_Addr dlpi_addr;
    const char *dlpi_name;
    const Elf64_Phdr *dlpi_phdr;
    Elf64_Half dlpi_phnum;
};
int dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *data);
