/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_layout.h -- how a convolution on codes becomes products of matrices: which
   pieces of the image are rows, in which order weights are packed, how work is cut.  It
   multiplies nothing itself.  Kept between the files of integer.

   The rows of products are read from a source: a piece of the image with its padding
   filled in, pixels side by side.  There the taps of one kernel row and all their channels
   are one run of codes, so that a row of products is `runs` runs, and the next row of
   products starts one pixel later: nothing is gathered.  Where a kernel takes only rows at
   one distance (gaps), the places between the rows of the image, where a window would wrap
   around, and those between images are computed too and thrown away.

   Where outputs are few, FOLD neighbouring pixels are computed as one with FOLD times the
   outputs, each with its weights shifted: a run is then FOLD - 1 pixels longer.

   With strides or dilation across, each row of products is gathered by itself (patches)
   and is one run. */
#ifndef LATHE_KERNEL_INTEGER_LAYOUT_H
#define LATHE_KERNEL_INTEGER_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include "kernel/integer.h"

enum {
    INTEGER_LANES = 16,   /* outputs of a block */
    INTEGER_ROWS = 16,    /* rows of products are computed in multiples of this */
    INTEGER_VISITED = 64, /* rows of a part that taps may visit one by one */
    INTEGER_SUMS = 1024   /* sums of a tile, at most: rows times outputs */
};

/* What a kernel multiplies.  Weights lie in words of 32 bits, 16 outputs side by side;
   a word has 4 codes of one byte or 2 of two bytes, consecutive taps of one output. */
typedef struct integer_form {
    int64_t unit;    /* taps that runs are filled up to a multiple of */
    int64_t element; /* bytes of a code in the source and in the weights: 1 or 2 */
    int32_t offset;  /* what is added to codes of the source, where element is 1; with
                        element 2 both zero points are taken off instead */
    bool gaps;       /* must all rows of products be at one distance? */
} integer_form;

typedef struct integer_layout {
    integer_conv conv; /* pitches filled in */
    integer_form form;
    int64_t depth, outputs;        /* channels of a group: in and out */
    int64_t tap_first[2], taps[2]; /* those of the kernel that ever meet the image */
    int64_t stride[2], padding[2]; /* in front of the first of these taps */
    bool patches;
    int64_t fold, lanes, blocks;         /* lanes: fold * outputs */
    int64_t runs, run_length, run_steps; /* taps; units */
    int64_t run_distance, row_distance;  /* codes of the source from one to the next */

    /* Lines of the output, images one below the other with a period; those of a period
       behind the image's height are thrown away. */
    int64_t lines, period, height;  /* height: lines of a period that are kept */
    int64_t source_period;          /* the images' period in the source */
    int64_t line_rows, line_pixels; /* of a line: rows of products; pixels of y */
    int64_t line_distance;          /* codes of the source from one to the next */
    int64_t part_lines, part_blocks, line_parts, block_parts; /* how it is cut */
    int64_t source_width, source_bytes, row_most;             /* of one part */
} integer_layout;

/* One part: lines BEGIN.. and blocks BLOCK.. of one group. */
typedef struct integer_part {
    int64_t group, line, lines, block, blocks, rows; /* rows of products */
} integer_part;

/* What is prepared, in this order, 64-byte aligned each; lane by lane of all groups. */
typedef struct integer_prepared {
    bool affine; /* is any Z_w not 0? */
    const float *multiplier;
    const int32_t *shift; /* what is added to a sum of products */
    const int32_t *zero;  /* Z_w, taken off once for each code of the row's sum */
    const int32_t *total; /* sum of q_w - Z_w, taken off Z_x times where that is not known
                             before (to_sums) */
    const int32_t
        *tap_total; /* [run][tap][lane] sum of q_w, where taps of padding are not
                                 computed and yet count */
    const char *weight;
    size_t block_bytes;
} integer_prepared;

integer_layout integer_layout_of(const integer_conv *c, integer_form form);
int64_t integer_layout_parts(const integer_layout *l);
integer_part integer_layout_part(const integer_layout *l, int64_t index);

size_t integer_layout_prepared_bytes(const integer_layout *l);
void integer_layout_prepare(const integer_layout *l, void *prepared);
integer_prepared integer_layout_prepared(const integer_layout *l, const void *prepared);

/* N codes to SOURCE in the kernel's form. */
typedef void integer_copy(void *source, const int8_t *codes, int64_t n, int32_t zero);

/* Fills SOURCE [source_bytes] for the part. */
void integer_layout_fill(const integer_layout *l, const integer_part *p,
                         integer_copy *copy, void *source);

/* A row of products: the source's rows before it, and which of its runs meet the image:
   the others are padding. */
typedef struct integer_row {
    int32_t place; /* times row_distance */
    int16_t first_run, end_run;
} integer_row;

/* ROWS [row_most]: those of a part, as pixels follow each other, and INTEGER_ROWS times
   the last one.  Has any of them padding that need not be computed? */
bool integer_layout_rows(const integer_layout *l, const integer_part *p,
                         integer_row *rows);

/* All rows of a part by their numbers: first COUNT for which a tap meets the image, then
   those that have padding there. */
typedef struct integer_visit {
    uint8_t count, row[INTEGER_VISITED];
} integer_visit;

/* Do taps visit the rows of so many lines, or are rows multiplied with all taps? */
bool integer_layout_is_visited(const integer_layout *l, int64_t lines);

/* The VISITS [run][tap] of the part, whose ROWS are laid out. */
void integer_layout_visit(const integer_layout *l, const integer_part *p,
                          const integer_row *rows, integer_visit *visits);

/* Does the sum over taps of padding differ from 0? */
static inline bool integer_layout_padding_counts(const integer_layout *l)
{
    return l->form.element == 1 && !l->form.gaps && !l->patches;
}

/* RESULTS [rows][step], codes or sums, are lanes LANE.. of ROWS rows of products from ROW
   on: to where they belong in y or sums. */
void integer_layout_emit(const integer_layout *l, const integer_part *p, int64_t row,
                         int64_t rows, int64_t lane, int64_t step, const void *results);

#endif
