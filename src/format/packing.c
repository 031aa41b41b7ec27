/* SPDX-License-Identifier: GPL-3.0-or-later
   packing.c -- bitmaps, codes of a few bits, kept elements.  It allocates nothing. */
#include "format/packing.h"

#include <string.h>

int64_t packing_bytes(int64_t n, int bits)
{
    return n / 8 * bits + (n % 8 * bits + 7) / 8;
}

void packing_bitmap(const uint8_t *mask, int64_t n, uint8_t *bitmap)
{
    memset(bitmap, 0, (size_t)packing_bytes(n, 1));
    for (int64_t i = 0; i < n; i++)
        if (mask[i])
            bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1u << i % 8);
}

int64_t packing_unbitmap(const uint8_t *bitmap, int64_t n, uint8_t *mask)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        mask[i] = bitmap[i / 8] >> i % 8 & 1;
        kept += mask[i];
    }
    if (n % 8 && bitmap[n / 8] >> n % 8)
        return -1;
    return kept;
}

void packing_codes(const void *codes, size_t size, int64_t n, int bits, uint8_t *packed)
{
    const int8_t *narrow = codes;
    const int16_t *wide = codes;
    uint32_t waiting = 0, mask = (1u << bits) - 1;
    int held = 0;
    for (int64_t i = 0; i < n; i++) {
        const int32_t code = size == 1 ? narrow[i] : wide[i];
        waiting |= ((uint32_t)code & mask) << held;
        for (held += bits; held >= 8; held -= 8) {
            *packed++ = (uint8_t)waiting;
            waiting >>= 8;
        }
    }
    if (held > 0)
        *packed = (uint8_t)waiting;
}

void packing_uncodes(const uint8_t *packed, int64_t n, int bits, void *codes, size_t size)
{
    int8_t *narrow = codes;
    int16_t *wide = codes;
    uint32_t waiting = 0, sign = 1u << (bits - 1), mask = (1u << bits) - 1;
    int held = 0;
    for (int64_t i = 0; i < n; i++) {
        for (; held < bits; held += 8)
            waiting |= (uint32_t)*packed++ << held;
        const int32_t code = (int32_t)((waiting & mask) ^ sign) - (int32_t)sign;
        if (size == 1)
            narrow[i] = (int8_t)code;
        else
            wide[i] = (int16_t)code;
        waiting >>= bits;
        held -= bits;
    }
}

int64_t packing_kept(const void *x, size_t size, const uint8_t *mask, int64_t n,
                     void *kept)
{
    const char *from = x;
    char *to = kept;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (mask[i])
            memcpy(to + (size_t)count++ * size, from + (size_t)i * size, size);
    return count;
}

int64_t packing_unkept(const void *kept, size_t size, const uint8_t *mask, int64_t n,
                       const void *rest, void *x)
{
    const char *from = kept;
    char *to = x;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        memcpy(to + (size_t)i * size, mask[i] ? from + (size_t)count++ * size : rest,
               size);
    return count;
}
