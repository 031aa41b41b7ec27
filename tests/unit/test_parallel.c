/* SPDX-License-Identifier: GPL-3.0-or-later
   test_parallel.c -- every tile once, whatever jobs went before; the same bits for any
   number of threads, nesting, subnormals flushed in every thread, OpenBLAS kept to one
   thread. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* the name is base/error.h's */

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "base/random.h"

enum { TILES = 500, TEAM_MOST = 8 };

struct count {
    atomic_int calls[TILES];
    atomic_int threads[TEAM_MOST];
    atomic_bool outside;
};

static void count_tile(void *context, int64_t tile, int thread)
{
    struct count *c = context;
    atomic_fetch_add(&c->calls[tile], 1);
    if (thread < 0 || thread >= cpu_threads() || thread >= TEAM_MOST)
        atomic_store(&c->outside, true);
    else
        atomic_fetch_add(&c->threads[thread], 1);
}

static void every_tile_once(void **state)
{
    (void)state;
    static struct count c;
    static const int64_t tiles[] = {0, 1, 2, 7, TILES};
    for (int team = 1; team <= 4; team++) {
        cpu_set_threads(team);
        for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
            memset(&c, 0, sizeof c);
            parallel_for(tiles[i], count_tile, &c);
            for (int64_t tile = 0; tile < TILES; tile++)
                assert_int_equal(c.calls[tile], tile < tiles[i]);
            assert_false(c.outside);
        }
    }
    cpu_set_threads(0);
}

/* Members sit out some jobs, and take part in the next: what is left of a share from one
   job counts for nothing in another. */
static void jobs_of_changing_sizes(void **state)
{
    enum { MOST = 12 };
    static struct count c;
    random_stream r = random_new(1, "jobs", 0);
    (void)state;
    for (int job = 0; job < 20000; job++) {
        int64_t tiles = random_below(&r, MOST + 1);
        cpu_set_threads((int)random_below(&r, 5) + 1);
        memset(c.calls, 0, MOST * sizeof *c.calls);
        parallel_for(tiles, count_tile, &c);
        for (int64_t tile = 0; tile < MOST; tile++)
            assert_int_equal(c.calls[tile], tile < tiles);
    }
    assert_false(c.outside);
    cpu_set_threads(0);
}

struct pieces {
    int64_t n, grain;
    atomic_llong covered;
    atomic_bool bad;
};

static void check_piece(void *context, int64_t begin, int64_t end, int thread)
{
    struct pieces *p = context;
    (void)thread;
    int64_t expected = p->n - begin < p->grain ? p->n - begin : p->grain;
    if (begin % p->grain || end - begin != expected)
        atomic_store(&p->bad, true);
    atomic_fetch_add(&p->covered, end - begin);
}

static void ranges_are_cut_by_shape(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 20; n += 3) {
        for (int64_t grain = 1; grain < 24; grain += 4) {
            struct pieces p = {.n = n, .grain = grain};
            parallel_range(n, grain, check_piece, &p);
            assert_int_equal(p.covered, n);
            assert_false(p.bad);
        }
    }
}

struct evenly {
    int64_t n, most;
    atomic_llong covered, parts;
    atomic_bool bad;
};

static void check_part(void *context, int64_t begin, int64_t end, int thread)
{
    struct evenly *p = context;
    (void)thread;
    int64_t half = p->n / 2;
    if (end <= begin || end - begin > p->most || (begin < half && end > half + 1))
        atomic_store(&p->bad, true);
    atomic_fetch_add(&p->covered, end - begin);
    atomic_fetch_add(&p->parts, 1);
}

/* No part reaches from one half into the other. */
static void even_parts(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 40; n++)
        for (int64_t most = 1; most < 44; most += 3) {
            struct evenly p = {.n = n, .most = most};
            parallel_evenly(n, most, check_part, &p);
            assert_int_equal(p.covered, n);
            if (p.parts > 1 && p.parts < n) {
                assert_false(p.bad);
                assert_int_equal(p.parts % 2, 0);
            }
        }
}

struct nest {
    atomic_int inner, elsewhere;
};

struct inner {
    struct nest *nest;
    int thread, system;
};

static void inner_tile(void *context, int64_t tile, int thread)
{
    struct inner *i = context;
    (void)tile;
    atomic_fetch_add(&i->nest->inner, 1);
    if (thread != i->thread || gettid() != i->system)
        atomic_fetch_add(&i->nest->elsewhere, 1);
}

static void outer_tile(void *context, int64_t tile, int thread)
{
    struct inner i = {context, thread, gettid()};
    (void)tile;
    parallel_for(10, inner_tile, &i);
}

static void nested_calls_stay(void **state)
{
    (void)state;
    for (int team = 1; team <= 3; team++) {
        cpu_set_threads(team);
        for (int64_t tiles = 1; tiles <= 50; tiles += 49) {
            struct nest n = {0};
            parallel_for(tiles, outer_tile, &n);
            assert_int_equal(n.inner, 10 * tiles);
            assert_int_equal(n.elsewhere, 0);
        }
    }
    cpu_set_threads(0);
}

struct flush {
    atomic_int seen[TEAM_MOST], kept;
    volatile float tiny;
};

/* Slow enough that the other threads get tiles too. */
static void flush_tile(void *context, int64_t tile, int thread)
{
    struct flush *f = context;
    (void)tile;
    volatile float half = f->tiny * 0.5f, read = f->tiny / 4 * 8;
    if (half != 0 || read != 0)
        atomic_fetch_add(&f->kept, 1);
    atomic_fetch_add(&f->seen[thread], 1);
    usleep(1000);
}

static void subnormals_flushed(void **state)
{
    (void)state;
    struct flush f = {.tiny = FLT_MIN};
    cpu_set_threads(4);
    parallel_for(100, flush_tile, &f);
    cpu_set_threads(0);
    assert_int_equal(f.kept, 0);
    for (int i = 0; i < 4; i++)
        assert_true(f.seen[i] > 0);
}

static void sums_have_one_value(void **state)
{
    (void)state;
    enum { N = 3000017 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    random_stream r = random_new(1, "sums", 0);
    random_fill_uniform(&r, x, N, -1, 1);
    static const int64_t lengths[] = {0, 1, 2, 15, 16, 17, 8191, 8192, 8193, 100000, N};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int64_t n = lengths[i];
        long double exact = 0, squares = 0;
        for (int64_t j = 0; j < n; j++) {
            exact += (long double)x[j];
            squares += (long double)x[j] * (long double)x[j];
        }
        cpu_set_threads(1);
        double one = parallel_sum(x, n), one_squared = parallel_sum_squares(x, n);
        assert_true(fabsl((long double)one - exact) <= 1e-12L * (long double)(n + 1));
        assert_true(fabsl((long double)one_squared - squares) <= 1e-13L * squares);
        for (int team = 2; team <= 5; team++) {
            cpu_set_threads(team);
            double sum = parallel_sum(x, n), sum_squares = parallel_sum_squares(x, n);
            assert_memory_equal(&sum, &one, sizeof one);
            assert_memory_equal(&sum_squares, &one_squared, sizeof one_squared);
        }
    }
    cpu_set_threads(0);
    free(x);
}

enum { SIDE = 64 };

struct product {
    const float *a, *b;
    float *c;
    atomic_int several;
};

static void product_tile(void *context, int64_t tile, int thread)
{
    struct product *p = context;
    (void)thread;
    size_t at = (size_t)tile * SIDE * SIDE;
    if (openblas_get_num_threads() != 1)
        atomic_fetch_add(&p->several, 1);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, p->a + at,
                SIDE, p->b, SIDE, 0, p->c + at, SIDE);
}

static void products_in_tiles(void **state)
{
    (void)state;
    enum { COUNT = 16, N = COUNT * SIDE * SIDE };
    static float a[N], b[SIDE * SIDE], one[N], many[N];
    random_stream r = random_new(1, "products", 0);
    random_fill_uniform(&r, a, N, -1, 1);
    random_fill_uniform(&r, b, SIDE * SIDE, -1, 1);
    struct product p = {.a = a, .b = b, .c = one};
    cpu_set_threads(1);
    parallel_for(COUNT, product_tile, &p);
    p.c = many;
    for (int team = 2; team <= 4; team++) {
        memset(many, 0, sizeof many);
        cpu_set_threads(team);
        parallel_for(COUNT, product_tile, &p);
        assert_memory_equal(many, one, sizeof one);
    }
    cpu_set_threads(0);
    assert_int_equal(p.several, 0);
    for (int64_t i = 0; i < N; i += 997) {
        double sum = 0;
        for (int64_t k = 0; k < SIDE; k++)
            sum += (double)a[i / SIDE * SIDE + k] * (double)b[k * SIDE + i % SIDE];
        assert_true(fabs(sum - (double)one[i]) < 1e-5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_once),
        cmocka_unit_test(jobs_of_changing_sizes),
        cmocka_unit_test(ranges_are_cut_by_shape),
        cmocka_unit_test(even_parts),
        cmocka_unit_test(nested_calls_stay),
        cmocka_unit_test(subnormals_flushed),
        cmocka_unit_test(sums_have_one_value),
        cmocka_unit_test(products_in_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
