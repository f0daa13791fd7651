// SPDX-License-Identifier: Apache-2.0
#pragma once
// Swift's Glibc module leaves it out.
#include <malloc.h>
