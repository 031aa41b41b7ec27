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

typedef void tile_body(void *context, int64_t tile, int thread);
typedef void range_body(void *context, int64_t begin, int64_t end, int thread);

/* TILES that are only numbers, or that cut 0..n-1: at every GRAIN, or, where that is 0, as
   evenly as can be. */
struct job {
    union {
        tile_body *tile;
        range_body *range;
    } body;
    void *context;
    int64_t tiles, n, grain;
    bool cuts;
    int shares;
};
_Static_assert(sizeof(struct job) <= TEAM_MESSAGE, "a job is handed over at once");

static void run_tile(const struct job *j, int64_t tile)
{
    int64_t begin = tile * j->grain, end = begin + j->grain;
    if (!j->cuts) {
        j->body.tile(j->context, tile, number);
        return;
    }
    if (j->grain == 0) {
        begin = parallel_part(j->n, j->tiles, tile);
        end = parallel_part(j->n, j->tiles, tile + 1);
    }
    j->body.range(j->context, begin, end < j->n ? end : j->n, number);
}

/* How many tiles of each share are taken, in a cache line of its own: in this job and, 0
   until then, in the next.  Numbers of jobs say which is which. */
static struct share {
    _Alignas(64) atomic_int_fast64_t taken[2];
} shares[TEAM_MOST];
static int shares_used; /* the most of any job; the caller's */

/* Nobody else takes from the next job's before all have left this one. */
static void clear_next(const struct job *j, team_seat seat)
{
    const int next = (seat.number + 1) % 2;
    atomic_store_explicit(&shares[seat.member].taken[next], 0, memory_order_relaxed);
    if (seat.member > 0)
        return;
    if (shares_used < j->shares)
        shares_used = j->shares;
    for (int i = seat.size; i < shares_used; i++)
        atomic_store_explicit(&shares[i].taken[next], 0, memory_order_relaxed);
}

/* A look costs less than taking: has another's share of COUNT tiles some to spare?  Member
   0 takes its first at once.  The last of several is left to its own thread, which will
   soon be there and finds in its cache what others would have to fetch. */
static bool has_to_spare(int share, int64_t count, team_seat seat)
{
    enum { SEVERAL = 4 };
    if (seat.member == 0 ? team_has_left(share, seat.number) : share == 0 && count == 1)
        return false;
    int64_t taken =
        atomic_load_explicit(&shares[share].taken[seat.number % 2], memory_order_relaxed);
    return taken < (count < SEVERAL ? count : count - 1);
}

/* A context lies in the caller's cache: its lines come at once, and not one by one as they
   are met. */
static void fetch(const void *context)
{
    enum { LINE = 64, LINES = 4 };
    for (int i = 0; i < LINES; i++)
        __builtin_prefetch((const void *)((uintptr_t)context + i * LINE));
}

/* Every member begins with tiles of its own, so that it finds in its cache what it wrote
   in the job before, and then helps the others. */
static void take_tiles(const void *message, team_seat seat)
{
    const struct job *j = message;
    cpu_flush_subnormals();
    working = true;
    number = seat.member;
    if (seat.member > 0)
        fetch(j->context);
    clear_next(j, seat);
    for (int i = 0; i < j->shares; i++) {
        const int share = (seat.member + i) % j->shares;
        const int64_t first = parallel_part(j->tiles, j->shares, share);
        const int64_t count = parallel_part(j->tiles, j->shares, share + 1) - first;
        while (i == 0 || has_to_spare(share, count, seat)) {
            int64_t taken = atomic_fetch_add_explicit(
                &shares[share].taken[seat.number % 2], 1, memory_order_relaxed);
            if (taken >= count)
                break;
            run_tile(j, first + taken);
        }
    }
    working = false;
}

static void run_here(const struct job *j)
{
    for (int64_t tile = 0; tile < j->tiles; tile++)
        run_tile(j, tile);
}

static void run_alone(const struct job *j)
{
    cpu_flush_subnormals();
    working = true;
    number = 0;
    run_here(j);
    working = false;
}

static void share_out(struct job *j)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (working) {
        run_here(j);
        return;
    }
    pthread_once(&once, make_blas_serial);
    j->shares = cpu_threads() < TEAM_MOST ? cpu_threads() : TEAM_MOST;
    if (j->tiles < j->shares)
        j->shares = (int)j->tiles;
    if (j->shares <= 1 || !team_run(j->shares, take_tiles, j, sizeof *j))
        run_alone(j);
}

void parallel_for(int64_t tiles, tile_body *body, void *context)
{
    share_out(&(struct job){.body.tile = body, .context = context, .tiles = tiles});
}

void parallel_stay_alone(void)
{
    cpu_flush_subnormals();
    working = true;
}

void parallel_range(int64_t n, int64_t grain, range_body *body, void *context)
{
    if (grain < 1)
        grain = 1;
    share_out(&(struct job){.body.range = body,
                            .context = context,
                            .tiles = n < 1 ? 0 : (n - 1) / grain + 1,
                            .n = n,
                            .grain = grain,
                            .cuts = true});
}

void parallel_evenly(int64_t n, int64_t most, range_body *body, void *context)
{
    share_out(&(struct job){.body.range = body,
                            .context = context,
                            .tiles = n < 1 ? 0 : parallel_parts(n, most < 1 ? 1 : most),
                            .n = n,
                            .cuts = true});
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
