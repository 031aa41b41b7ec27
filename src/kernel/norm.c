/* SPDX-License-Identifier: GPL-3.0-or-later
   norm.c -- sums over rows and batch normalisation.
   Rows are cut into blocks by shape alone; a block's sums are float, joined in double.
   Numbers kept as bf16 are widened some rows at a time, in memory of the thread's own
   that stays in the first-level cache. */
#include "kernel/norm.h"

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/kept.h"
#include "kernel/loops.h"
#include "kernel/scratch.h"

enum {
    BLOCK_FLOATS = 32 * 1024,
    STRIP_FLOATS = 2 * 1024, /* that are widened together */
    ROUGH_ROWS = 16,         /* of a block, folded */
    WIDE = 64                /* several rows count as one that fills vectors */
};

/* A matrix in memory: what its numbers are kept in, and how many lie from row to row. */
typedef struct numbers {
    const void *at;
    precision kept;
    int64_t pitch;
} numbers;

/* What all functions here share: FOLD rows of CHANNELS are one of WIDTH. */
typedef struct job {
    const kernel_loops *loops;
    int64_t rows, channels, fold, width, block, blocks;
    int64_t strip;    /* folded rows that are widened together */
    numbers x, g, to; /* to: y, or the gradient by x; NULL: not wanted */
    void *written;    /* that of TO */
    bool accumulate;
    double *sums;  /* [blocks][2][channels] */
    float *column; /* [6][width] */
    float *own;    /* of each thread: [3][width], then [3][strip][width] */
    affine affine; /* columns 0, 1 and 2 */
} job;

static int64_t own_floats(const job *j)
{
    return 3 * (1 + j->strip) * j->width;
}

static size_t prepare(job *j, int64_t rows, int64_t channels, int64_t pitch, void *block)
{
    scratch s = {.base = block};
    int64_t fold = channels >= WIDE ? 1 : (WIDE - 1) / channels + 1;
    int64_t folds = BLOCK_FLOATS / (fold * channels);
    *j = (job){.loops = loops_get(), .rows = rows, .channels = channels};
    j->fold = !pitch || pitch == channels ? fold : 1;
    j->width = j->fold * channels;
    j->strip = j->width < STRIP_FLOATS ? STRIP_FLOATS / j->width : 1;
    /* As many rows in a float's sum, folded or not. */
    j->block = (folds < 1 ? 1 : folds) * j->fold;
    j->blocks = (rows - 1) / j->block + 1;
    j->sums = scratch_take(&s, j->blocks * 2 * channels, sizeof *j->sums);
    j->column = scratch_floats(&s, 6 * j->width);
    j->own = scratch_floats(&s, cpu_threads() * own_floats(j));
    return s.used;
}

size_t channel_scratch(int64_t rows, int64_t channels)
{
    job j;
    return prepare(&j, rows, channels, 0, NULL);
}

static size_t prepare_norm(job *j, const batch_norm *b, void *block)
{
    return prepare(j, b->rows, b->channels, b->y_kept ? 0 : b->y_pitch, block);
}

size_t batch_norm_scratch(const batch_norm *b)
{
    job j;
    return prepare_norm(&j, b, NULL);
}

/* The sum of a channel over its columns of one folded row. */
static double folded(const job *j, const float *column, int64_t channel)
{
    double sum = 0;
    for (int64_t i = channel; i < j->width; i += j->channels)
        sum += (double)column[i];
    return sum;
}

static void unfold(const job *j, int64_t k)
{
    float *column = j->column + k * j->width;
    for (int64_t i = j->channels; i < j->width; i++)
        column[i] = column[i - j->channels];
}

static double *block_sums(const job *j, int64_t begin)
{
    return j->sums + begin / j->block * 2 * j->channels;
}

static float *own_column(const job *j, int thread, int k)
{
    return j->own + thread * own_floats(j) + k * j->width;
}

/* Folded rows of a block that are at hand as floats together. */
typedef struct strip {
    int64_t next, end; /* rows, not folded */
    int64_t first;
    int64_t rows, width; /* folded; the last one may be narrower */
    const float *x, *g;
    float *to;
    int64_t g_step, to_step; /* floats from folded row to row */
    float *room;             /* the thread's own [3][strip][width] */
} strip;

static strip strip_begin(const job *j, int64_t begin, int64_t end, int thread)
{
    return (strip){.next = begin, .end = end, .room = own_column(j, thread, 3)};
}

static const float *strip_read(const job *j, const strip *t, const numbers *n,
                               float *room)
{
    int64_t at = t->first * n->pitch;
    if (n->kept == PRECISION_F32)
        return (const float *)n->at + at;
    kept_read(n->at, at, t->rows * t->width / j->channels, j->channels, n->pitch, room);
    return room;
}

/* Goes on to the next folded rows; false behind the last. */
static bool strip_next(const job *j, strip *t)
{
    int64_t left = t->end - t->next, room = j->strip * j->width;
    if (left <= 0)
        return false;
    bool narrow = j->x.kept || j->g.kept || j->to.kept, whole = left >= j->fold;
    t->first = t->next;
    t->rows = whole ? left / j->fold : 1;
    if (narrow && t->rows > j->strip)
        t->rows = j->strip;
    t->width = whole ? j->width : left * j->channels;
    t->next += whole ? t->rows * j->fold : left;
    t->g_step = j->g.kept ? j->width : j->fold * j->g.pitch;
    t->to_step = j->to.kept ? j->width : j->fold * j->to.pitch;
    t->x = strip_read(j, t, &j->x, t->room);
    if (j->g.at)
        t->g = strip_read(j, t, &j->g, t->room + room);
    if (j->written)
        t->to = j->to.kept ? t->room + 2 * room
                           : (float *)j->written + t->first * j->to.pitch;
    if (j->to.kept && j->accumulate)
        strip_read(j, t, &j->to, t->to);
    return true;
}

/* Puts what was written to where it is kept. */
static void strip_write(const job *j, const strip *t)
{
    if (j->to.kept)
        kept_write(t->to, t->rows * t->width / j->channels, j->channels, j->written,
                   t->first * j->to.pitch, j->to.pitch);
}

/* sum[i] = column sums of the rows begin..end-1, folded. */
static void sum_rows(const job *j, int64_t begin, int64_t end, int thread, float *sum)
{
    memset(sum, 0, (size_t)j->width * sizeof *sum);
    for (strip t = strip_begin(j, begin, end, thread); strip_next(j, &t);)
        j->loops->row_sum(t.rows, t.width, t.x, sum);
}

static void sum_block(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    float *sum = own_column(j, thread, 0);
    double *to = block_sums(j, begin);
    sum_rows(j, begin, end, thread, sum);
    for (int64_t c = 0; c < j->channels; c++)
        to[c] = folded(j, sum, c);
}

static double joined(const job *j, int64_t k, int64_t channel)
{
    double sum = 0;
    for (int64_t b = 0; b < j->blocks; b++)
        sum += j->sums[(b * 2 + k) * j->channels + channel];
    return sum;
}

void channel_sum(int64_t rows, int64_t channels, const void *x, precision kept,
                 float *sum, void *scratch)
{
    job j;
    prepare(&j, rows, channels, 0, scratch);
    j.x = (numbers){x, kept, channels};
    parallel_range(rows, j.block, sum_block, &j);
    for (int64_t c = 0; c < channels; c++)
        sum[c] = (float)joined(&j, 0, c);
}

/* Mean, and squares about it, of a block: sums about a rough mean, that of its first rows.
   It is off by at most sqrt(rows / first rows) deviations of the block, however far from 0
   the mean is, so that little cancels. */
static void moments_block(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    float *rough = own_column(j, thread, 0);
    float *sum = rough + j->width, *square = sum + j->width;
    double *mean = block_sums(j, begin), *about = mean + j->channels;
    double n = (double)(end - begin);
    int64_t first =
        ROUGH_ROWS * j->fold < end - begin ? ROUGH_ROWS * j->fold : end - begin;
    sum_rows(j, begin, begin + first, thread, sum);
    for (int64_t c = 0; c < j->channels; c++)
        rough[c] = (float)(folded(j, sum, c) / (double)first);
    for (int64_t i = j->channels; i < j->width; i++)
        rough[i] = rough[i - j->channels];
    memset(sum, 0, 2 * (size_t)j->width * sizeof *sum);
    for (strip t = strip_begin(j, begin, end, thread); strip_next(j, &t);)
        j->loops->row_moments(t.rows, t.width, t.x, rough, sum, square);
    for (int64_t c = 0; c < j->channels; c++) {
        double s = folded(j, sum, c);
        mean[c] = (double)rough[c] + s / n;
        about[c] = folded(j, square, c) - s * s / n;
    }
}

/* Joins the blocks' moments: Chan, Golub, LeVeque 1983, eq. 2.1. */
static void join_moments(const job *j, int64_t channel, double *mean, double *about)
{
    double n = 0, m = 0, q = 0;
    for (int64_t b = 0; b < j->blocks; b++) {
        int64_t left = j->rows - b * j->block;
        double count = (double)(left < j->block ? left : j->block);
        const double *sums = j->sums + b * 2 * j->channels + channel;
        double d = sums[0] - m;
        q += sums[j->channels] + d * d * n * count / (n + count);
        n += count;
        m += d * count / n;
    }
    *mean = m;
    *about = q;
}

static void affine_block(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    for (strip t = strip_begin(j, begin, end, thread); strip_next(j, &t);) {
        j->loops->row_affine(t.rows, t.width, t.x, &j->affine, t.to, t.to_step);
        strip_write(j, &t);
    }
}

/* Columns for y = (x - mean) gamma / deviation + beta.  What float(mean) loses goes into
   the shift. */
static void set_affine(const job *j, const batch_norm *b, int64_t c, double mean,
                       double inverse)
{
    double scale = (double)b->scale[c] * inverse;
    float near = (float)mean;
    j->column[c] = near;
    j->column[j->width + c] = (float)scale;
    j->column[2 * j->width + c] =
        (float)((double)b->shift[c] - (mean - (double)near) * scale);
}

static void update_running(const batch_norm *b, int64_t c, double mean, double about)
{
    double rest = 1 - b->momentum, n = (double)b->rows;
    if (b->running_mean)
        b->running_mean[c] =
            (float)(rest * (double)b->running_mean[c] + b->momentum * mean);
    if (b->running_variance)
        b->running_variance[c] = (float)(rest * (double)b->running_variance[c] +
                                         b->momentum * about / (n > 1 ? n - 1 : 1));
}

static void bind_affine(job *j, const batch_norm *b)
{
    for (int64_t k = 0; k < 3; k++)
        unfold(j, k);
    j->affine = (affine){.mean = j->column,
                         .scale = j->column + j->width,
                         .shift = j->column + 2 * j->width,
                         .rectify = b->rectify,
                         .slope = b->slope};
}

static numbers numbers_of_y(const batch_norm *b, const void *y)
{
    return (numbers){y, b->y_kept, b->y_pitch ? b->y_pitch : b->channels};
}

static void run_affine(job *j, const batch_norm *b, const void *x, void *y)
{
    bind_affine(j, b);
    j->x = (numbers){x, b->x_kept, b->channels};
    j->to = numbers_of_y(b, y);
    j->written = y;
    parallel_range(j->rows, j->block, affine_block, j);
}

void batch_norm_train(const batch_norm *b, const void *x, void *y, float *saved,
                      void *scratch)
{
    job j;
    prepare_norm(&j, b, scratch);
    j.x = (numbers){x, b->x_kept, b->channels};
    parallel_range(b->rows, j.block, moments_block, &j);
    for (int64_t c = 0; c < b->channels; c++) {
        double mean, about;
        join_moments(&j, c, &mean, &about);
        double inverse = 1 / sqrt(about / (double)b->rows + b->epsilon);
        set_affine(&j, b, c, mean, inverse);
        update_running(b, c, mean, about);
        saved[c] = (float)mean;
        saved[b->channels + c] = (float)inverse;
        saved[2 * b->channels + c] = (float)((mean - (double)(float)mean) * inverse);
        saved[3 * b->channels + c] = j.column[j.width + c];
        saved[4 * b->channels + c] = j.column[2 * j.width + c];
    }
    run_affine(&j, b, x, y);
}

void batch_norm_apply(const batch_norm *b, const float *mean, const float *variance,
                      const void *x, void *y, void *scratch)
{
    job j;
    prepare_norm(&j, b, scratch);
    for (int64_t c = 0; c < b->channels; c++)
        set_affine(&j, b, c, (double)mean[c], 1 / sqrt((double)variance[c] + b->epsilon));
    run_affine(&j, b, x, y);
}

/* Sums of g, where the rectifier let it pass, and of g (x - mean). */
static void gradient_sums_block(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    float *sum = own_column(j, thread, 0), *product = sum + j->width;
    double *to = block_sums(j, begin);
    memset(sum, 0, 2 * (size_t)j->width * sizeof *sum);
    for (strip t = strip_begin(j, begin, end, thread); strip_next(j, &t);)
        j->loops->row_products(t.rows, t.width, t.x, j->width, &j->affine, t.g, t.g_step,
                               sum, product);
    for (int64_t c = 0; c < j->channels; c++) {
        to[c] = folded(j, sum, c);
        to[j->channels + c] = folded(j, product, c);
    }
}

/* Columns 3, 4 and 5: scale, slope and shift of loops.h's row_gradient. */
static void gradient_rows_block(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    float *sum = own_column(j, thread, 0);
    double *to = block_sums(j, begin);
    memset(sum, 0, (size_t)j->width * sizeof *sum);
    for (strip t = strip_begin(j, begin, end, thread); strip_next(j, &t);) {
        row_slope r = {.a = &j->affine,
                       .x = t.x,
                       .g = t.g,
                       .g_step = t.g_step,
                       .scale = j->column + 3 * j->width,
                       .slope = j->column + 4 * j->width,
                       .shift = j->column + 5 * j->width};
        j->loops->row_gradient(t.rows, t.width, &r, t.to, j->accumulate, sum);
        strip_write(j, &t);
    }
    for (int64_t c = 0; c < j->channels; c++)
        to[c] = folded(j, sum, c);
}

/* What the forward saved, as columns. */
static void restore_affine(job *j, const batch_norm *b, const float *saved)
{
    static const int from[3] = {0, 3, 4};
    for (int k = 0; k < 3; k++)
        memcpy(j->column + k * j->width, saved + from[k] * j->channels,
               (size_t)j->channels * sizeof *saved);
    bind_affine(j, b);
}

/* With k = gamma / deviation, z the normalised x, and N rows:
   grad_x = k (g - sum g / N - z sum (g z) / N), and z = (x - mean) inverse - lost. */
void batch_norm_gradient(const batch_norm *b, const void *x, const float *saved,
                         const void *grad_y, void *grad_x, bool accumulate,
                         float *grad_scale, float *grad_shift, float *grad_x_sum,
                         void *scratch)
{
    job j;
    prepare_norm(&j, b, scratch);
    int64_t channels = b->channels, width = j.width;
    j.x = (numbers){x, b->x_kept, channels};
    j.g = numbers_of_y(b, grad_y);
    restore_affine(&j, b, saved);
    parallel_range(b->rows, j.block, gradient_sums_block, &j);
    for (int64_t c = 0; c < channels; c++) {
        double inverse = (double)saved[channels + c],
               lost = (double)saved[2 * channels + c];
        double sum = joined(&j, 0, c), n = (double)b->rows;
        double normal = inverse * joined(&j, 1, c) - lost * sum;
        double k = (double)b->scale[c] * inverse;
        if (grad_scale)
            grad_scale[c] = (float)normal;
        if (grad_shift)
            grad_shift[c] = (float)sum;
        j.column[3 * width + c] = (float)k;
        j.column[4 * width + c] = (float)(k * normal * inverse / n);
        j.column[5 * width + c] = (float)(k * (sum - normal * lost) / n);
    }
    if (!grad_x)
        return;
    for (int64_t k = 3; k < 6; k++)
        unfold(&j, k);
    j.to = (numbers){grad_x, b->x_kept, channels};
    j.written = grad_x;
    j.accumulate = accumulate;
    parallel_range(b->rows, j.block, gradient_rows_block, &j);
    for (int64_t c = 0; grad_x_sum && c < channels; c++)
        grad_x_sum[c] = (float)joined(&j, 0, c);
}
