/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_product.h -- what an instruction set must give to be a method of the
   convolution on codes: products of a tile, and its sums as codes.
   Kept between the files of integer. */
#ifndef LATHE_KERNEL_INTEGER_PRODUCT_H
#define LATHE_KERNEL_INTEGER_PRODUCT_H

#include "kernel/integer_layout.h"
#include "kernel/integer_method.h"

/* sum[row][lane] = shift[lane] + sum over runs and their taps of x * weight, modulo 2^32,
   for the lanes of BLOCKS blocks, 1, 2 or 4, and ROWS rows: INTEGER_SUMS / lanes at most,
   or twice as many, of 1 or 2 blocks, where taps visit them.
   Row r begins at x + row_distance * r where the form has gaps, else at
   x + row_distance * row[r].place.
   Distances are in bytes; weights of a block lie word by word.  Rows up to a multiple of
   INTEGER_ROWS can be read, and are written. */
typedef struct integer_product {
    const char *x;
    int64_t rows, row_distance, runs, run_distance, run_steps;
    const integer_row *row;
    const char *weight;
    int64_t blocks, block_distance;
    const int32_t *shift;
    bool padded; /* has any row of the part taps of padding? */
    /* [run][tap], or NULL: which rows each meets, of all rows of the part. */
    const integer_visit *visits;
    /* What such a tap adds, so that it need not be computed: padding * tap_total. */
    int32_t padding;
    const int32_t *tap_total;             /* [run][tap][total_lanes], or NULL: nothing */
    int64_t total_lanes, taps, tap_steps; /* of a run; of a tap, where these are whole */
    int32_t *sum;
} integer_product;

/* The runs that some of COUNT rows from ROW on need. */
typedef struct integer_reach {
    int64_t first_run, end_run;
} integer_reach;

static inline integer_reach integer_product_reach(const integer_product *p, int64_t row,
                                                  int64_t count)
{
    integer_reach w = {0, p->runs};
    if (!p->padded)
        return w;
    const integer_row *r = p->row + row, *end = r + count;
    w.first_run = r->first_run;
    w.end_run = r->end_run;
    for (const integer_row *next = r + 1; next < end; next++) {
        w.first_run = next->first_run < w.first_run ? next->first_run : w.first_run;
        w.end_run = next->end_run > w.end_run ? next->end_run : w.end_run;
    }
    return w;
}

typedef struct integer_kernel {
    integer_form form;
    bool in_place;        /* can it read x itself where that has the source's form? */
    bool (*usable)(void); /* has the processor what the level does not say?  Or NULL */
    void (*begin)(int64_t rows); /* before the products of a part of so many rows, */
    void (*end)(void);           /* and behind them; or NULL */
    void (*multiply)(const integer_product *p);
    integer_copy *copy;
} integer_kernel;

/* The three functions of a method, by its kernel. */
size_t integer_kernel_prepared(const integer_kernel *k, const integer_conv *c);
void integer_kernel_prepare(const integer_kernel *k, const integer_conv *c,
                            void *prepared);
size_t integer_kernel_scratch(const integer_kernel *k, const integer_conv *c);
void integer_kernel_run(const integer_kernel *k, const integer_conv *c,
                        const void *prepared, void *block);

/* NULL where this build has none. */
extern const integer_kernel *const integer_kernel_amx,
    *const integer_kernel_vnni, *const integer_kernel_avx2, *const integer_kernel_scalar;

#endif
