/* SPDX-License-Identifier: GPL-3.0-or-later
   sort.c -- radix sort of floats, from the last byte to the first.  It compares nothing
   and allocates nothing. */
#include "base/sort.h"

#include <string.h>

#define DIGITS 256
#define PASSES 4 /* an even number: what began in place ends there */

/* Bits that stand in the order of the numbers: where the sign is set all are turned over,
   else the sign alone. */
static uint32_t ordered(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & UINT32_C(0x80000000) ? ~bits : bits | UINT32_C(0x80000000);
}

/* COUNTS[d] becomes the place of the first item with digit d. */
static void begin_places(int64_t counts[DIGITS])
{
    int64_t place = 0;
    for (int d = 0; d < DIGITS; d++) {
        int64_t count = counts[d];
        counts[d] = place;
        place += count;
    }
}

void sort_items(sort_item *items, sort_item *scratch, int64_t n)
{
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t places[DIGITS] = {0};
        for (int64_t i = 0; i < n; i++)
            places[ordered(items[i].key) >> (8 * pass) & 255]++;
        begin_places(places);
        for (int64_t i = 0; i < n; i++)
            scratch[places[ordered(items[i].key) >> (8 * pass) & 255]++] = items[i];
        sort_item *kept = items;
        items = scratch;
        scratch = kept;
    }
}

void sort_floats(float *x, float *scratch, int64_t n)
{
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t places[DIGITS] = {0};
        for (int64_t i = 0; i < n; i++)
            places[ordered(x[i]) >> (8 * pass) & 255]++;
        begin_places(places);
        for (int64_t i = 0; i < n; i++)
            scratch[places[ordered(x[i]) >> (8 * pass) & 255]++] = x[i];
        float *kept = x;
        x = scratch;
        scratch = kept;
    }
}
