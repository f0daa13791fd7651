// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdbool.h>  // mfapi.h uses bool without including it
#include <libmilter/mfapi.h>
