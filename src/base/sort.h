/* SPDX-License-Identifier: GPL-3.0-or-later
   sort.h -- floats in ascending order, in time proportional to their number.  It allocates
   nothing. */
#ifndef LATHE_BASE_SORT_H
#define LATHE_BASE_SORT_H

#include <stdint.h>

/* A float with its place: order by key, equal keys in the order they came in. */
typedef struct sort_item {
    float key;
    int32_t place;
} sort_item;

/* N items in place; SCRATCH has room for as many.  NaN come last, or first where their sign
   bit is set; -0 comes before 0.
   Source: Knuth 1998, The Art of Computer Programming 3, section 5.2.5, algorithm R. */
void sort_items(sort_item *items, sort_item *scratch, int64_t n);
void sort_floats(float *x, float *scratch, int64_t n);

#endif
