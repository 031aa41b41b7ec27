/* SPDX-License-Identifier: GPL-3.0-or-later
   parallel.c -- tiles shared out to the team; sums by a tree that only the length shapes.
   It never decides how work is cut: tiles come from the caller. */
#include "base/parallel.h"

#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include "base/cpu.h"
#include "base/team.h"

static _Thread_local bool working; /* this thread is inside a tile */
static _Thread_local int number;   /* of this thread in the team */

/* Each thread of the team calls OpenBLAS on its own tile; a team of OpenBLAS's own
   inside each of ours would only get in the way. */
static void make_blas_serial(void)
{
    openblas_set_num_threads(1);
}

static void run_here(int64_t tiles, void (*body)(void *context, int64_t tile, int thread),
                     void *context)
{
    for (int64_t tile = 0; tile < tiles; tile++)
        body(context, tile, number);
}

/* What is left of one member's tiles, in a cache line of its own. */
struct share {
    _Alignas(64) atomic_int_fast64_t next;
    int64_t end;
};

struct job {
    void (*body)(void *context, int64_t tile, int thread);
    void *context;
    int size; /* shares */
    struct share shares[TEAM_MOST];
};

/* Every member begins with tiles of its own, so that it finds in its cache what it wrote
   in the job before, and then helps the others. */
static void take_tiles(void *context, int member)
{
    struct job *j = context;
    cpu_flush_subnormals();
    working = true;
    number = member;
    for (int i = 0; i < j->size; i++) {
        struct share *s = &j->shares[(member + i) % j->size];
        for (;;) {
            int64_t tile = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
            if (tile >= s->end)
                break;
            j->body(j->context, tile, member);
        }
    }
    working = false;
}

static void share_out(struct job *j, int64_t tiles)
{
    for (int i = 0; i < j->size; i++) {
        atomic_init(&j->shares[i].next, tiles * i / j->size);
        j->shares[i].end = tiles * (i + 1) / j->size;
    }
}

void parallel_for(int64_t tiles, void (*body)(void *context, int64_t tile, int thread),
                  void *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (working) {
        run_here(tiles, body, context);
        return;
    }
    pthread_once(&once, make_blas_serial);
    struct job j;
    int size = cpu_threads() < TEAM_MOST ? cpu_threads() : TEAM_MOST;
    if (tiles < size)
        size = tiles < 1 ? 1 : (int)tiles;
    j.body = body;
    j.context = context;
    j.size = size;
    share_out(&j, tiles);
    if (size == 1 || !team_run(size, take_tiles, &j))
        take_tiles(&j, 0);
}

void parallel_stay_alone(void)
{
    cpu_flush_subnormals();
    working = true;
}

struct range {
    int64_t n, grain;
    void (*body)(void *context, int64_t begin, int64_t end, int thread);
    void *context;
};

static void range_tile(void *context, int64_t tile, int thread)
{
    const struct range *r = context;
    int64_t begin = tile * r->grain;
    int64_t end = r->n - begin < r->grain ? r->n : begin + r->grain;
    r->body(r->context, begin, end, thread);
}

void parallel_range(int64_t n, int64_t grain,
                    void (*body)(void *context, int64_t begin, int64_t end, int thread),
                    void *context)
{
    if (grain < 1)
        grain = 1;
    struct range r = {n, grain, body, context};
    parallel_for(n < 1 ? 0 : (n - 1) / grain + 1, range_tile, &r);
}

static void clear_range(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    memset((float *)context + begin, 0, (size_t)(end - begin) * sizeof(float));
}

void parallel_clear(float *x, int64_t n)
{
    enum { GRAIN = 1 << 16 };
    parallel_range(n, GRAIN, clear_range, x);
}

/* The tree: at most LEAVES leaves of one length, 16 running sums in each, then pairs. */
enum { LEAVES = 256, LEAF_LEAST = 8192, LANES = 16 };

struct sum {
    const float *x;
    int64_t grain;
    bool squares;
    double leaf[LEAVES];
};

static double sum_pairs(double *values, int64_t n)
{
    if (n < 1)
        return 0;
    for (int64_t step = 1; step < n; step *= 2)
        for (int64_t i = 0; i + step < n; i += 2 * step)
            values[i] += values[i + step];
    return values[0];
}

static void sum_leaf(void *context, int64_t begin, int64_t end, int thread)
{
    struct sum *s = context;
    double lanes[LANES] = {0};
    int64_t whole = end - (end - begin) % LANES;
    (void)thread;
    if (s->squares) {
        for (int64_t i = begin; i < whole; i += LANES)
            for (int64_t j = 0; j < LANES; j++)
                lanes[j] += (double)s->x[i + j] * (double)s->x[i + j];
        for (int64_t i = whole; i < end; i++)
            lanes[i - whole] += (double)s->x[i] * (double)s->x[i];
    } else {
        for (int64_t i = begin; i < whole; i += LANES)
            for (int64_t j = 0; j < LANES; j++)
                lanes[j] += (double)s->x[i + j];
        for (int64_t i = whole; i < end; i++)
            lanes[i - whole] += (double)s->x[i];
    }
    s->leaf[begin / s->grain] = sum_pairs(lanes, LANES);
}

static double sum_tree(const float *x, int64_t n, bool squares)
{
    int64_t grain = n / LEAVES + 1;
    if (grain < LEAF_LEAST)
        grain = LEAF_LEAST;
    struct sum s = {.x = x, .grain = grain, .squares = squares};
    parallel_range(n, grain, sum_leaf, &s);
    return sum_pairs(s.leaf, n < 1 ? 0 : (n - 1) / grain + 1);
}

double parallel_sum(const float *x, int64_t n)
{
    return sum_tree(x, n, false);
}

double parallel_sum_squares(const float *x, int64_t n)
{
    return sum_tree(x, n, true);
}
