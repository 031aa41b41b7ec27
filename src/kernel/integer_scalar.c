/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_scalar.c -- products of codes for any processor, as 16-bit numbers without zero
   point.  It allocates nothing and knows no convolution. */
#include <string.h>

#include "kernel/integer_product.h"

enum { UNIT = 2, WORD = UNIT * INTEGER_LANES, ROWS = 4 };

/* Four rows at once read each weight once. */
static void multiply_rows(const integer_product *p, int64_t row, int64_t block)
{
    int32_t sum[ROWS][INTEGER_LANES];
    const integer_reach reach = integer_product_reach(p, row, ROWS);
    const int64_t first = reach.first_run, end = reach.end_run;
    const char *weight = p->weight + block * p->block_distance +
                         first * p->run_steps * WORD * (int64_t)sizeof(int16_t);
    for (int r = 0; r < ROWS; r++)
        memcpy(sum[r], p->shift + block * INTEGER_LANES, sizeof sum[r]);
    for (int64_t run = first; run < end; run++)
        for (int64_t step = 0; step < p->run_steps; step++) {
            int16_t w[WORD], x[UNIT];
            memcpy(w, weight, sizeof w);
            weight += sizeof w;
            for (int r = 0; r < ROWS; r++) {
                memcpy(x,
                       p->x + p->row[row + r].place * p->row_distance +
                           run * p->run_distance + step * (int64_t)sizeof x,
                       sizeof x);
                for (int o = 0; o < INTEGER_LANES; o++)
                    sum[r][o] += x[0] * w[UNIT * o] + x[1] * w[UNIT * o + 1];
            }
        }
    for (int r = 0; r < ROWS; r++)
        memcpy(p->sum + ((row + r) * p->blocks + block) * INTEGER_LANES, sum[r],
               sizeof sum[r]);
}

static void multiply(const integer_product *p)
{
    for (int64_t block = 0; block < p->blocks; block++)
        for (int64_t row = 0; row < p->rows; row += ROWS)
            multiply_rows(p, row, block);
}

static void copy(void *source, const int8_t *codes, int64_t n, int32_t zero)
{
    int16_t *to = source;
    for (int64_t i = 0; i < n; i++)
        to[i] = (int16_t)(codes[i] - zero);
}

static const integer_kernel kernel = {
    .form = {.unit = UNIT, .element = 2},
    .multiply = multiply,
    .copy = copy,
};

const integer_kernel *const integer_kernel_scalar = &kernel;
