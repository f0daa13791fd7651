// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <zlib.h>

// deflateInit2 and inflateInit2 are macros: Swift imports functions only. 15 bits of window, + 16 for the gzip format.
static inline int CZlib_deflate_gzip(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
static inline int CZlib_inflate_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
