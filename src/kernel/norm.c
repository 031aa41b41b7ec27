/* SPDX-License-Identifier: GPL-3.0-or-later
   norm.c -- sums over rows and batch normalisation.
   Rows are cut into blocks by shape alone; a block's sums are float, joined in double. */
#include "kernel/norm.h"

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/loops.h"
#include "kernel/scratch.h"

enum {
    BLOCK_FLOATS = 32 * 1024,
    ROUGH_ROWS = 16, /* of a block, folded */
    WIDE = 64        /* several rows count as one that fills vectors */
};

/* What all functions here share: FOLD rows of CHANNELS are one of WIDTH. */
typedef struct job {
    const kernel_loops *loops;
    int64_t rows, channels, fold, width, block, blocks;
    kept_rows x, g, to; /* to: y, or the gradient by x */
    void *written;      /* that of TO */
    bool accumulate;
    double *sums;  /* [blocks][2][channels] */
    float *column; /* [6][width] */
    float *own;    /* of each thread: [3][width] */
    size_t apart;  /* from thread to thread */
    affine affine; /* columns 0, 1 and 2 */
} job;

/* Rows fold where vectors of a folded one can be taken from rows PITCH apart. */
static int64_t folds_of(const job *j, int64_t pitch)
{
    int64_t channels = j->channels, lanes = j->loops->lanes;
    if (channels >= WIDE)
        return 1;
    bool whole = channels % lanes == 0 || channels == j->loops->least_piece;
    return !pitch || pitch == channels || whole ? (WIDE - 1) / channels + 1 : 1;
}

static size_t prepare(job *j, int64_t rows, int64_t channels, int64_t pitch, void *block)
{
    scratch s = {.base = block};
    *j = (job){.loops = loops_get(), .rows = rows, .channels = channels};
    j->fold = folds_of(j, pitch);
    j->width = j->fold * channels;
    /* As many rows in a float's sum, folded or not. */
    int64_t fold = channels >= WIDE ? 1 : (WIDE - 1) / channels + 1;
    int64_t folds = BLOCK_FLOATS / (fold * channels);
    j->block = (folds < 1 ? 1 : folds) * j->fold;
    j->blocks = (rows - 1) / j->block + 1;
    j->sums = scratch_take(&s, j->blocks * 2 * channels, sizeof *j->sums);
    j->column = scratch_floats(&s, 6 * j->width);
    size_t used = s.used;
    j->own = scratch_floats(&s, 3 * j->width);
    j->apart = scratch_rooms(&s, used);
    return s.used;
}

/* Rows of the job's channels, PITCH numbers apart. */
static kept_rows rows_of(const job *j, const void *at, precision kept, int64_t pitch)
{
    bool whole = pitch == j->channels;
    return (kept_rows){.at = at,
                       .kept = kept,
                       .step = j->fold * pitch,
                       .piece = whole ? j->width : j->channels,
                       .pitch = pitch};
}

size_t channel_scratch(int64_t rows, int64_t channels)
{
    job j;
    return prepare(&j, rows, channels, 0, NULL);
}

static size_t prepare_norm(job *j, const batch_norm *b, void *block)
{
    return prepare(j, b->rows, b->channels, b->y_pitch, block);
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
    return (float *)room_of(j->own, j->apart, thread) + k * j->width;
}

/* Folded rows of a block; the last one may be narrower. */
typedef struct strip {
    int64_t next, end; /* rows, not folded */
    int64_t rows, width;
    kept_rows x, g, to;
    void *written;
} strip;

static void strip_set(kept_rows *rows, const kept_rows *all, int64_t number)
{
    *rows = *all;
    rows->at = all->at ? precision_at(all->at, all->kept, number * all->pitch) : NULL;
}

/* Goes on to the next folded rows; false behind the last. */
static bool strip_next(const job *j, strip *t)
{
    int64_t left = t->end - t->next;
    if (left <= 0)
        return false;
    bool whole = left >= j->fold;
    t->rows = whole ? left / j->fold : 1;
    t->width = whole ? j->width : left * j->channels;
    strip_set(&t->x, &j->x, t->next);
    strip_set(&t->g, &j->g, t->next);
    strip_set(&t->to, &j->to, t->next);
    if (j->written)
        t->written = precision_write_at(j->written, j->to.kept, t->next * j->to.pitch);
    t->next += whole ? t->rows * j->fold : left;
    return true;
}

/* sum[i] = column sums of the rows begin..end-1, folded. */
static void sum_rows(const job *j, int64_t begin, int64_t end, float *sum)
{
    memset(sum, 0, (size_t)j->width * sizeof *sum);
    for (strip t = {.next = begin, .end = end}; strip_next(j, &t);)
        j->loops->row_sum(t.rows, t.width, &t.x, sum);
}

static void sum_block(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    float *sum = own_column(j, thread, 0);
    double *to = block_sums(j, begin);
    sum_rows(j, begin, end, sum);
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
    j.x = rows_of(&j, x, kept, channels);
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
    sum_rows(j, begin, begin + first, sum);
    for (int64_t c = 0; c < j->channels; c++)
        rough[c] = (float)(folded(j, sum, c) / (double)first);
    for (int64_t i = j->channels; i < j->width; i++)
        rough[i] = rough[i - j->channels];
    memset(sum, 0, 2 * (size_t)j->width * sizeof *sum);
    for (strip t = {.next = begin, .end = end}; strip_next(j, &t);)
        j->loops->row_moments(t.rows, t.width, &t.x, rough, sum, square);
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
    (void)thread;
    for (strip t = {.next = begin, .end = end}; strip_next(j, &t);)
        j->loops->row_affine(t.rows, t.width, &t.x, &j->affine, &t.to, t.written);
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

static kept_rows rows_of_y(const job *j, const batch_norm *b, const void *y)
{
    return rows_of(j, y, b->y_kept, b->y_pitch ? b->y_pitch : b->channels);
}

static void run_affine(job *j, const batch_norm *b, const void *x, void *y)
{
    bind_affine(j, b);
    j->x = rows_of(j, x, b->x_kept, b->channels);
    j->to = rows_of_y(j, b, y);
    j->written = y;
    parallel_range(j->rows, j->block, affine_block, j);
}

void batch_norm_train(const batch_norm *b, const void *x, void *y, float *saved,
                      void *scratch)
{
    job j;
    prepare_norm(&j, b, scratch);
    j.x = rows_of(&j, x, b->x_kept, b->channels);
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
    for (strip t = {.next = begin, .end = end}; strip_next(j, &t);)
        j->loops->row_products(t.rows, t.width, &t.x, &j->affine, &t.g, sum, product);
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
    for (strip t = {.next = begin, .end = end}; strip_next(j, &t);) {
        row_slope r = {.a = &j->affine,
                       .x = t.x,
                       .g = t.g,
                       .scale = j->column + 3 * j->width,
                       .slope = j->column + 4 * j->width,
                       .shift = j->column + 5 * j->width};
        j->loops->row_gradient(t.rows, t.width, &r, &t.to, t.written, j->accumulate, sum);
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
    j.x = rows_of(&j, x, b->x_kept, channels);
    j.g = rows_of_y(&j, b, grad_y);
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
    j.to = rows_of(&j, grad_x, b->x_kept, channels);
    j.written = grad_x;
    j.accumulate = accumulate;
    parallel_range(b->rows, j.block, gradient_rows_block, &j);
    for (int64_t c = 0; grad_x_sum && c < channels; c++)
        grad_x_sum[c] = (float)joined(&j, 0, c);
}
