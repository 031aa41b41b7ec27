/* SPDX-License-Identifier: GPL-3.0-or-later
   matrix.c -- linear layers and 1x1 convolutions as plain matrix products, pixels times
   weights where both lie, by OpenBLAS.  Convolutions of more taps are faster as products
   that gather while they multiply (gather.c). */
#include "kernel/algorithm.h"

#include <cblas.h>
#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/loops.h"
#include "kernel/scratch.h"

/* Below these the packing inside of sgemm costs more than the product. */
enum { LEAST_PIXELS = 16, LEAST_SIDE = 64 };

enum { TILE_COLUMNS = 128, TILE_ROWS = 96, TILES_WANTED = 16 };

/* A product [rows, columns], cut into tiles of one sgemm each. */
typedef struct job {
    const convolution *v;
    const float *x, *weight, *bias, *grad_y;
    const finish *tail;
    float *y, *grad_x, *grad_weight;
    bool accumulate;
    int64_t rows, columns, tile_rows, tiles_across;
} job;

typedef struct tile {
    int64_t row, rows, column, columns;
} tile;

static int64_t pixel_count(const convolution *v)
{
    return v->n * v->out_h * v->out_w;
}

static int64_t pitch_or(int64_t pitch, int64_t channels)
{
    return pitch ? pitch : channels;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static tile tile_at(const job *j, int64_t i)
{
    tile t = {.row = i / j->tiles_across * j->tile_rows,
              .column = i % j->tiles_across * TILE_COLUMNS};
    t.rows = smaller(j->tile_rows, j->rows - t.row);
    t.columns = smaller(TILE_COLUMNS, j->columns - t.column);
    return t;
}

static void run_tiles(job *j, int64_t rows, int64_t columns,
                      void (*body)(void *context, int64_t tile, int thread))
{
    j->rows = rows;
    j->columns = columns;
    j->tiles_across = (columns - 1) / TILE_COLUMNS + 1;
    int64_t parts = (TILES_WANTED - 1) / j->tiles_across + 1;
    j->tile_rows = (rows / parts / TILE_ROWS + 1) * TILE_ROWS;
    parallel_for(((rows - 1) / j->tile_rows + 1) * j->tiles_across, body, j);
}

static bool matrix_suits(const convolution *v, const float *weight)
{
    (void)weight;
    return v->kernel_h == 1 && v->kernel_w == 1 && v->stride_h == 1 && v->stride_w == 1 &&
           v->pad_h == 0 && v->pad_w == 0 && v->groups == 1;
}

/* With vectors of 16 the products of gather.c are faster on every shape that was timed
   (by a fifth to a half beside OpenBLAS 0.3.21 on a Xeon with AVX-512). */
static bool matrix_pays(const convolution *v, const float *weight, algorithm_task task)
{
    (void)weight;
    (void)task;
    return cpu_get_level() < CPU_AVX512 && pixel_count(v) >= LEAST_PIXELS &&
           v->c >= LEAST_SIDE && v->out_c >= LEAST_SIDE;
}

static size_t matrix_prepared(const convolution *v, const float *weight)
{
    (void)weight;
    return (size_t)(v->out_c * v->c) * sizeof(float);
}

static void matrix_prepare(const convolution *v, const float *weight, void *prepared)
{
    memcpy(prepared, weight, matrix_prepared(v, weight));
}

static size_t matrix_scratch(const convolution *v)
{
    return (size_t)v->out_c * sizeof(float);
}

static void forward_task(void *context, int64_t i, int thread)
{
    const job *j = context;
    const convolution *v = j->v;
    tile t = tile_at(j, i);
    int64_t x_pitch = pitch_or(v->x_pitch, v->c),
            y_pitch = pitch_or(v->y_pitch, v->out_c);
    float *y = j->y + t.row * y_pitch + t.column;
    finish tail = *j->tail;
    (void)thread;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)t.rows,
                (blasint)t.columns, (blasint)v->c, 1.0f, j->x + t.row * x_pitch,
                (blasint)x_pitch, j->weight + t.column * v->c, (blasint)v->c, 0.0f, y,
                (blasint)y_pitch);
    tail.scale = tail.scale ? tail.scale + t.column : NULL;
    tail.shift = tail.shift ? tail.shift + t.column : NULL;
    if (tail.residual)
        tail.residual += t.row * tail.residual_pitch + t.column;
    loops_get()->add_finish(t.rows, t.columns, y, j->bias + t.column, 0, &tail, y,
                            y_pitch);
}

static void forward_once(const convolution *v, const float *x, const float *weight,
                         const float *bias, const finish *tail, float *y, void *block)
{
    job j = {.v = v, .x = x, .weight = weight, .bias = bias, .tail = tail, .y = y};
    if (!bias)
        j.bias = memset(block, 0, (size_t)v->out_c * sizeof(float));
    run_tiles(&j, pixel_count(v), v->out_c, forward_task);
}

static void matrix_forward(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, float *y, void *block)
{
    forward_once(v, x, prepared, bias, tail, y, block);
}

static size_t no_scratch(const convolution *v)
{
    (void)v;
    return 0;
}

static void grad_input_task(void *context, int64_t i, int thread)
{
    const job *j = context;
    const convolution *v = j->v;
    tile t = tile_at(j, i);
    (void)thread;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)t.rows,
                (blasint)t.columns, (blasint)v->out_c, 1.0f, j->grad_y + t.row * v->out_c,
                (blasint)v->out_c, j->weight + t.column, (blasint)v->c,
                j->accumulate ? 1.0f : 0.0f, j->grad_x + t.row * v->c + t.column,
                (blasint)v->c);
}

static void matrix_grad_input(const convolution *v, const float *grad_y,
                              const float *weight, float *grad_x, bool accumulate,
                              void *block)
{
    job j = {.v = v,
             .grad_y = grad_y,
             .weight = weight,
             .grad_x = grad_x,
             .accumulate = accumulate};
    (void)block;
    run_tiles(&j, pixel_count(v), v->c, grad_input_task);
}

static void grad_weight_task(void *context, int64_t i, int thread)
{
    const job *j = context;
    const convolution *v = j->v;
    tile t = tile_at(j, i);
    (void)thread;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)t.rows,
                (blasint)t.columns, (blasint)pixel_count(v), 1.0f, j->grad_y + t.row,
                (blasint)v->out_c, j->x + t.column, (blasint)v->c, 0.0f,
                j->grad_weight + t.row * v->c + t.column, (blasint)v->c);
}

static void matrix_grad_weight(const convolution *v, const float *x, const float *grad_y,
                               float *grad_weight, void *block)
{
    job j = {.v = v, .x = x, .grad_y = grad_y, .grad_weight = grad_weight};
    (void)block;
    run_tiles(&j, v->out_c, v->c, grad_weight_task);
}

const algorithm algorithm_matrix = {
    .name = "matrix",
    .suits = matrix_suits,
    .pays = matrix_pays,
    .prepared_bytes = matrix_prepared,
    .prepare = matrix_prepare,
    .scratch_bytes = matrix_scratch,
    .forward = matrix_forward,
    .once_scratch = matrix_scratch,
    .forward_once = forward_once,
    .gradient_scratch = no_scratch,
    .grad_input = matrix_grad_input,
    .grad_weight = matrix_grad_weight,
};
