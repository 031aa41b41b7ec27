/* SPDX-License-Identifier: GPL-3.0-or-later
   observer.h -- the table of observers: how the range of a value follows from what was
   seen of it.  A row that looks at histograms costs a second pass over the samples. */
#ifndef LATHE_COMPRESS_OBSERVER_H
#define LATHE_COMPRESS_OBSERVER_H

#include <stdint.h>

#define HISTOGRAM_BINS 2048

/* Of the numbers of one value that are not 0: these are exact in any quantizer. */
typedef struct histogram {
    double low, high; /* the range seen; bins are equally wide */
    int64_t count[HISTOGRAM_BINS];
} histogram;

typedef struct observer_row {
    const char *name, *summary, *source;
    /* Share of each small batch in a moving average of ranges; 0: the widest counts. */
    double average;
    /* Narrows the range [*LOW, *HIGH] that was seen, for codes of BITS.  NULL: keeps it. */
    void (*narrow)(const histogram *h, int bits, double *low, double *high);
} observer_row;

const observer_row *observer_find(const char *name); /* min-max, mse, ... */
const observer_row *observer_at(int i);

#endif
