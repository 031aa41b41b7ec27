/* SPDX-License-Identifier: GPL-3.0-or-later
   patch.c -- patches gathered out of images, and scattered into images, a row at a time.
   Nothing is multiplied but by the finish. */
#include "kernel/patch.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/loops.h"

int64_t patch_taps(const patch *p)
{
    return p->kernel[0] * p->kernel[1] * p->kernel[2];
}

int64_t patch_pixels(const patch *p)
{
    return p->size[0] * p->size[1] * p->size[2];
}

int64_t patch_count(const patch *p)
{
    return p->count[0] * p->count[1] * p->count[2];
}

typedef struct job {
    const patch *p;
    const char *image;
    char *patches;
    int64_t element; /* bytes of one */
    int outside;     /* every byte of what reads as 0 */
} job;

/* ---- gather ---- */

/* Tap (t0, t1) of all patches of a row, out of the image's row at FROM, or of zeros where
   that is NULL. */
static void gather_line(const job *j, const char *from, int64_t tap, char *row)
{
    const patch *p = j->p;
    const int64_t taps = patch_taps(p), each = p->channels / p->groups;
    const size_t bytes = (size_t)(each * j->element);
    for (int64_t w = 0; w < p->count[2]; w++)
        for (int64_t t = 0; t < p->kernel[2]; t++) {
            int64_t x = w * p->stride[2] - p->padding[2] + t * p->dilation[2];
            bool there = from && x >= 0 && x < p->size[2];
            for (int64_t g = 0; g < p->groups; g++) {
                char *to =
                    row + ((w * p->groups + g) * taps + tap + t) * each * j->element;
                if (there)
                    memcpy(to, from + (x * p->pitch + g * each) * j->element, bytes);
                else
                    memset(to, j->outside, bytes);
            }
        }
}

static void gather_row(void *context, int64_t row, int thread)
{
    const job *j = context;
    const patch *p = j->p;
    const int64_t image = row / p->count[1] / p->count[0];
    const int64_t d = row / p->count[1] % p->count[0], h = row % p->count[1];
    const int64_t line = p->size[2] * p->pitch * j->element;
    char *to = j->patches + row * p->count[2] * patch_taps(p) * p->channels * j->element;
    (void)thread;
    for (int64_t a = 0; a < p->kernel[0]; a++)
        for (int64_t b = 0; b < p->kernel[1]; b++) {
            int64_t z = d * p->stride[0] - p->padding[0] + a * p->dilation[0];
            int64_t y = h * p->stride[1] - p->padding[1] + b * p->dilation[1];
            bool there = z >= 0 && z < p->size[0] && y >= 0 && y < p->size[1];
            const char *from =
                j->image + ((image * p->size[0] + z) * p->size[1] + y) * line;
            gather_line(j, there ? from : NULL, (a * p->kernel[1] + b) * p->kernel[2],
                        to);
        }
}

void patch_gather(const patch *p, const float *image, float *patches)
{
    job j = {p, (const char *)image, (char *)patches, sizeof(float), 0};
    parallel_for(p->images * p->count[0] * p->count[1], gather_row, &j);
}

void patch_gather_codes(const patch *p, const int8_t *image, int8_t outside,
                        int8_t *patches)
{
    job j = {p, (const char *)image, (char *)patches, 1, outside};
    parallel_for(p->images * p->count[0] * p->count[1], gather_row, &j);
}

/* ---- scatter ---- */

/* The taps of one axis that reach a pixel, and the patch each does so from. */
typedef struct reach {
    int64_t count, tap[PATCH_KERNEL_MAX], patch[PATCH_KERNEL_MAX];
} reach;

static void reach_of(const patch *p, int axis, int64_t pixel, reach *r)
{
    r->count = 0;
    for (int64_t t = 0; t < p->kernel[axis]; t++) {
        int64_t at = pixel + p->padding[axis] - t * p->dilation[axis];
        if (at % p->stride[axis] != 0)
            continue;
        r->tap[r->count] = t;
        r->patch[r->count++] = at / p->stride[axis]; /* may lie outside */
    }
}

static bool within(const patch *p, int axis, int64_t at)
{
    return at >= 0 && at < p->count[axis];
}

typedef struct putting {
    const patch *p;
    const kernel_loops *loops;
    const float *patches, *bias;
    const finish *tail; /* NULL: sums alone */
    float *image;
    bool accumulate;
} putting;

/* One pixel's channels of one group: from FROM where a single tap reaches it, else from Y
   itself, where the sum is. */
static void finish_pixel(const putting *j, int64_t first, int64_t each, const float *from,
                         float *y)
{
    const finish *tail = j->tail;
    finish part = *tail;
    part.scale = tail->scale ? tail->scale + first : NULL;
    part.shift = tail->shift ? tail->shift + first : NULL;
    j->loops->add_finish(1, each, from, j->bias + first, 0, &part, y, each);
}

/* Patches of the image, by their rows; the width is ahead by STEP patches. */
typedef struct place {
    const reach *depth, *height, *width;
    int64_t image, step;
} place;

static void put_group(const putting *j, const place *at, int64_t g, float *y)
{
    const patch *p = j->p;
    const int64_t each = p->channels / p->groups, taps = patch_taps(p);
    const reach *d = at->depth, *h = at->height, *w = at->width;
    const float *only = NULL;
    int64_t found = 0;
    for (int64_t a = 0; a < d->count; a++)
        for (int64_t b = 0; b < h->count; b++)
            for (int64_t c = 0; c < w->count; c++) {
                int64_t x = w->patch[c] + at->step;
                if (!within(p, 0, d->patch[a]) || !within(p, 1, h->patch[b]) ||
                    !within(p, 2, x))
                    continue;
                int64_t tap = (d->tap[a] * p->kernel[1] + h->tap[b]) * p->kernel[2];
                int64_t number = (at->image * p->count[0] + d->patch[a]) * p->count[1];
                number = (number + h->patch[b]) * p->count[2] + x;
                const float *from =
                    j->patches +
                    ((number * p->groups + g) * taps + tap + w->tap[c]) * each;
                if (found == 1 && !j->accumulate)
                    memcpy(y, only, (size_t)each * sizeof *y);
                if (found++ == 0 && !j->accumulate)
                    only = from;
                else
                    j->loops->blend(each, 1, from, 1, y);
            }
    if (found == 0 && !j->accumulate)
        memset(y, 0, (size_t)each * sizeof *y);
    if (j->tail)
        finish_pixel(j, g * each, each, found == 1 ? only : y, y);
    else if (found == 1 && !j->accumulate)
        memcpy(y, only, (size_t)each * sizeof *y);
}

static void put_row(void *context, int64_t row, int thread)
{
    const putting *j = context;
    const patch *p = j->p;
    const int64_t each = p->channels / p->groups;
    reach depth, height, width;
    place at = {&depth, &height, &width, row / p->size[1] / p->size[0], 0};
    float *y = j->image + row * p->size[2] * p->pitch;
    (void)thread;
    reach_of(p, 0, row / p->size[1] % p->size[0], &depth);
    reach_of(p, 1, row % p->size[1], &height);
    /* Pixels a stride apart are reached by the same taps. */
    for (int64_t phase = 0; phase < p->stride[2] && phase < p->size[2]; phase++) {
        reach_of(p, 2, phase, &width);
        at.step = 0;
        for (int64_t x = phase; x < p->size[2]; x += p->stride[2], at.step++)
            for (int64_t g = 0; g < p->groups; g++)
                put_group(j, &at, g, y + x * p->pitch + g * each);
    }
}

void patch_scatter(const patch *p, const float *patches, const float *bias,
                   const finish *tail, float *image)
{
    putting j = {.p = p,
                 .loops = loops_get(),
                 .patches = patches,
                 .bias = bias,
                 .tail = tail,
                 .image = image};
    parallel_for(p->images * p->size[0] * p->size[1], put_row, &j);
}

void patch_scatter_add(const patch *p, const float *patches, float *image,
                       bool accumulate)
{
    putting j = {.p = p,
                 .loops = loops_get(),
                 .patches = patches,
                 .image = image,
                 .accumulate = accumulate};
    parallel_for(p->images * p->size[0] * p->size[1], put_row, &j);
}

/* ---- place ---- */

bool patch_is_exact(const patch *p)
{
    for (int i = 0; i < 3; i++)
        if (p->kernel[i] != p->stride[i] || p->padding[i] != 0 ||
            (p->dilation[i] != 1 && p->kernel[i] > 1) ||
            p->size[i] != p->count[i] * p->stride[i])
            return false;
    return true;
}

static void place_row(void *context, int64_t row, int thread)
{
    const job *j = context;
    const patch *p = j->p;
    const int64_t each = p->channels / p->groups, taps = patch_taps(p);
    const int64_t image = row / p->size[1] / p->size[0];
    const int64_t z = row / p->size[1] % p->size[0], y = row % p->size[1];
    const int64_t tap = (z % p->kernel[0] * p->kernel[1] + y % p->kernel[1]);
    const int64_t line = (image * p->count[0] + z / p->kernel[0]) * p->count[1];
    const char *from =
        j->patches + ((line + y / p->kernel[1]) * p->count[2] * p->groups * taps +
                      tap * p->kernel[2]) *
                         each * j->element;
    char *to = (char *)j->image + row * p->size[2] * p->pitch * j->element;
    /* Pixels without a gap are one piece. */
    const bool merged = p->groups == 1 && p->pitch == p->channels;
    const int64_t pieces = merged ? 1 : p->kernel[2];
    const int64_t length = p->kernel[2] / pieces * each * j->element;
    (void)thread;
    for (int64_t w = 0; w < p->count[2]; w++)
        for (int64_t t = 0; t < pieces; t++)
            for (int64_t g = 0; g < p->groups; g++)
                memcpy(to + ((w * p->kernel[2] + t) * p->pitch + g * each) * j->element,
                       from + ((w * p->groups + g) * taps + t) * each * j->element,
                       (size_t)length);
}

void patch_place(const patch *p, size_t element, const void *patches, void *image)
{
    /* The job's patches are only read, its image is only written. */
    job j = {p, image, (char *)patches, (int64_t)element, 0};
    parallel_for(p->images * p->size[0] * p->size[1], place_row, &j);
}

/* ---- turning ---- */

typedef struct turning {
    int64_t b, c, bytes;
    const char *from;
    char *to;
} turning;

static void turn_block(void *context, int64_t block, int thread)
{
    const turning *t = context;
    int64_t a = block / t->c, c = block % t->c;
    (void)thread;
    for (int64_t b = 0; b < t->b; b++)
        memcpy(t->to + (block * t->b + b) * t->bytes,
               t->from + ((a * t->b + b) * t->c + c) * t->bytes, (size_t)t->bytes);
}

void patch_turn(int64_t a, int64_t b, int64_t c, int64_t bytes, const void *from,
                void *to)
{
    turning t = {b, c, bytes, from, to};
    parallel_for(a * c, turn_block, &t);
}
