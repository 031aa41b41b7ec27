/* SPDX-License-Identifier: GPL-3.0-or-later
   packing.h -- masks as bitmaps, codes of a few bits side by side, and kept elements one
   behind the other.  Pure functions on memory; nothing is allocated. */
#ifndef LATHE_FORMAT_PACKING_H
#define LATHE_FORMAT_PACKING_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of N elements of BITS bits. */
int64_t packing_bytes(int64_t n, int bits);

/* Bit i % 8 of byte i / 8 is 1 where MASK[i] is not 0; the rest of the last byte is 0. */
void packing_bitmap(const uint8_t *mask, int64_t n, uint8_t *bitmap);
/* MASK[i] is 0 or 1; returns how many are 1, or -1 where bits behind N are set. */
int64_t packing_unbitmap(const uint8_t *bitmap, int64_t n, uint8_t *mask);

/* The lowest BITS (2..15) bits of each code, in two's complement, lowest bits first.  Codes
   are int8_t (SIZE 1, up to 8 bits) or int16_t (SIZE 2). */
void packing_codes(const void *codes, size_t size, int64_t n, int bits, uint8_t *packed);
void packing_uncodes(const uint8_t *packed, int64_t n, int bits, void *codes,
                     size_t size);

/* Elements of SIZE bytes (1, 2 or 4) where MASK is not 0, in order; returns how many. */
int64_t packing_kept(const void *x, size_t size, const uint8_t *mask, int64_t n,
                     void *kept);
/* Back to N elements; REST (one element) stands where MASK is 0.  Returns how many were
   taken from KEPT. */
int64_t packing_unkept(const void *kept, size_t size, const uint8_t *mask, int64_t n,
                       const void *rest, void *x);

#endif
