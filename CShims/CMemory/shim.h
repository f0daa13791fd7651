// SPDX-License-Identifier: Apache-2.0
#pragma once
// Swift's Glibc module leaves both out.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <link.h>
#include <malloc.h>
