/* SPDX-License-Identifier: GPL-3.0-or-later
   test_sparse.c -- the sparse convolution against plain loops in double: any geometry,
   any density, patterns, pitches and endings; its bits, its memory, and when it is
   chosen. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "compress/prune.h"
#include "engine/plan.h"
#include "kernel/sparse.h"
#include "support_graph.h"

enum { GUARD = 64 }; /* bytes behind each buffer that nobody may touch */

/* One convolution with all that can be asked of its ending. */
typedef struct trial {
    convolution v;
    finish tail;
    float *x, *weight, *bias, *scale, *shift, *residual, *y;
    double *wanted, *size; /* [pixel][output]; size: sum of absolute products */
} trial;

static int64_t pixels_out(const trial *t)
{
    return t->v.n * t->v.out_h * t->v.out_w;
}

static int64_t weight_count(const trial *t)
{
    return t->v.out_c * t->v.kernel_h * t->v.kernel_w * t->v.c;
}

static float *normals(random_stream *r, int64_t count)
{
    float *x = memory_new(count, sizeof *x, NULL);
    assert_non_null(x);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)random_normal(r);
    return x;
}

static int64_t between(random_stream *r, int64_t low, int64_t high)
{
    return low + random_below(r, high - low + 1);
}

static void reference(trial *t)
{
    const convolution *v = &t->v;
    for (int64_t p = 0; p < pixels_out(t); p++)
        for (int64_t o = 0; o < v->out_c; o++) {
            int64_t n = p / (v->out_h * v->out_w), i = p / v->out_w % v->out_h;
            double sum = 0, size = 0;
            for (int64_t k = 0; k < v->kernel_h * v->kernel_w * v->c; k++) {
                int64_t c = k % v->c, b = k / v->c % v->kernel_w;
                int64_t a = k / v->c / v->kernel_w;
                int64_t row = i * v->stride_h + a * v->dilation_h - v->pad_h;
                int64_t column =
                    p % v->out_w * v->stride_w + b * v->dilation_w - v->pad_w;
                if (row < 0 || row >= v->h || column < 0 || column >= v->w)
                    continue;
                double product =
                    (double)t->weight[o * v->kernel_h * v->kernel_w * v->c + k] *
                    (double)t->x[((n * v->h + row) * v->w + column) * v->x_pitch + c];
                sum += product;
                size += fabs(product);
            }
            double scale = t->scale ? (double)t->scale[o] : 1;
            sum = (sum + (t->bias ? (double)t->bias[o] : 0)) * scale;
            sum += t->shift ? (double)t->shift[o] : 0;
            if (t->residual)
                sum += (double)t->residual[p * t->tail.residual_pitch + o];
            if (t->tail.rectify == RECTIFY_HARD_SWISH)
                sum *= fmin(fmax(sum + 3, 0), 6) / 6;
            if (sum < 0 && t->tail.rectify == RECTIFY_ZERO)
                sum = 0;
            if (sum < 0 && t->tail.rectify == RECTIFY_SLOPE)
                sum *= (double)t->tail.slope;
            t->wanted[p * v->out_c + o] = sum;
            t->size[p * v->out_c + o] = size * fabs(scale) + fabs(sum) + 1;
        }
}

/* Zeros all but DENSITY of the weights, the same for TOGETHER outputs. */
static void thin_out(trial *t, random_stream *r, double density, int64_t together)
{
    int64_t each = weight_count(t) / t->v.out_c;
    for (int64_t o = 0; o < t->v.out_c; o += together)
        for (int64_t k = 0; k < each; k++) {
            bool kept = random_uniform(r) < density;
            for (int64_t p = o; p < o + together && p < t->v.out_c && !kept; p++)
                t->weight[p * each + k] = 0;
        }
}

static void trial_make(trial *t, const convolution *v, random_stream *r, double density,
                       int64_t together, bool plain)
{
    *t = (trial){.v = *v};
    convolution *w = &t->v;
    w->x_pitch = v->c + (plain ? 0 : between(r, 0, 5));
    w->y_pitch = v->out_c + (plain ? 0 : between(r, 0, 5));
    t->x = normals(r, w->n * w->h * w->w * w->x_pitch);
    t->weight = normals(r, weight_count(t));
    thin_out(t, r, density, together);
    t->y = memory_new(pixels_out(t) * w->y_pitch, sizeof *t->y, NULL);
    t->wanted = memory_new(pixels_out(t) * w->out_c, sizeof *t->wanted, NULL);
    t->size = memory_new(pixels_out(t) * w->out_c, sizeof *t->size, NULL);
    t->bias = !plain && random_below(r, 2) ? normals(r, w->out_c) : NULL;
    t->scale = !plain && random_below(r, 2) ? normals(r, w->out_c) : NULL;
    t->shift = !plain && random_below(r, 2) ? normals(r, w->out_c) : NULL;
    t->tail = (finish){.scale = t->scale, .shift = t->shift, .slope = 0.25f};
    t->tail.rectify = plain ? RECTIFY_NONE : (rectifier)random_below(r, RECTIFY_COUNT);
    if (!plain && random_below(r, 2)) {
        t->tail.residual_pitch = w->out_c + between(r, 0, 3);
        t->residual = normals(r, pixels_out(t) * t->tail.residual_pitch);
        t->tail.residual = t->residual;
    }
    reference(t);
}

static void trial_clear(trial *t)
{
    float *blocks[] = {t->x, t->weight, t->bias, t->scale, t->shift, t->residual, t->y};
    for (int i = 0; i < 7; i++)
        memory_free(blocks[i]);
    memory_free(t->wanted);
    memory_free(t->size);
}

/* BYTES of memory full of NaN, with a guard behind; the check of that guard. */
static void *guarded(size_t bytes)
{
    char *block = memory_new_raw((int64_t)bytes + GUARD, 1, NULL);
    assert_non_null(block);
    memset(block, 0xff, bytes + GUARD);
    return block;
}

static void check_guard(const void *block, size_t bytes)
{
    const unsigned char *end = (const unsigned char *)block + bytes;
    for (int i = 0; i < GUARD; i++)
        assert_int_equal(end[i], 0xff);
}

/* Runs it; the name of the kernel. */
static const char *trial_run(trial *t)
{
    const algorithm *a = &algorithm_sparse;
    assert_true(a->suits(&t->v, t->weight));
    size_t bytes = a->prepared_bytes(&t->v, t->weight), room = a->scratch_bytes(&t->v);
    void *prepared = guarded(bytes), *scratch = guarded(room);
    a->prepare(&t->v, t->weight, prepared);
    const char *name = sparse_describe(prepared);
    memset(t->y, 0xff, (size_t)(pixels_out(t) * t->v.y_pitch) * sizeof *t->y);
    a->forward(&t->v, t->x, prepared, t->bias, &t->tail, t->y, scratch);
    check_guard(prepared, bytes);
    check_guard(scratch, room);
    memory_free(prepared);
    memory_free(scratch);
    return name;
}

static void trial_check(const trial *t)
{
    const convolution *v = &t->v;
    for (int64_t p = 0; p < pixels_out(t); p++)
        for (int64_t o = 0; o < v->y_pitch; o++) {
            double got = (double)t->y[p * v->y_pitch + o];
            if (o >= v->out_c) {
                assert_true(isnan(got)); /* nobody wrote between the pixels */
                continue;
            }
            int64_t at = p * v->out_c + o;
            if (!(fabs(got - t->wanted[at]) <= 1e-6 * t->size[at]))
                fail_msg("pixel %lld, output %lld: %g, wanted %g (%lldx%lldx%lldx%lld, "
                         "kernel %lldx%lld, %lld outputs)",
                         (long long)p, (long long)o, got, t->wanted[at], (long long)v->n,
                         (long long)v->h, (long long)v->w, (long long)v->c,
                         (long long)v->kernel_h, (long long)v->kernel_w,
                         (long long)v->out_c);
        }
}

/* Sets out_h and out_w; false where nothing comes out. */
static bool complete(convolution *v)
{
    int64_t h = v->h + 2 * v->pad_h - (v->kernel_h - 1) * v->dilation_h - 1;
    int64_t w = v->w + 2 * v->pad_w - (v->kernel_w - 1) * v->dilation_w - 1;
    if (h < 0 || w < 0)
        return false;
    v->out_h = h / v->stride_h + 1;
    v->out_w = w / v->stride_w + 1;
    return true;
}

static convolution same(int64_t n, int64_t size, int64_t c, int64_t out_c, int64_t kernel)
{
    convolution v = {.n = n,
                     .h = size,
                     .w = size,
                     .c = c,
                     .out_c = out_c,
                     .kernel_h = kernel,
                     .kernel_w = kernel,
                     .stride_h = 1,
                     .stride_w = 1,
                     .pad_h = kernel / 2,
                     .pad_w = kernel / 2,
                     .dilation_h = 1,
                     .dilation_w = 1,
                     .groups = 1};
    complete(&v);
    return v;
}

static convolution random_geometry(random_stream *r)
{
    convolution v;
    do {
        v = same(between(r, 1, 3), 1, between(r, 1, 24), between(r, 1, 36), 1);
        v.h = between(r, 1, 14);
        v.w = random_below(r, 2) ? between(r, 1, 9) : between(r, 10, 40);
        v.kernel_h = between(r, 1, 4);
        v.kernel_w = between(r, 1, 4);
        v.stride_h = between(r, 1, 3);
        v.stride_w = between(r, 1, 3);
        v.pad_h = between(r, 0, 3);
        v.pad_w = between(r, 0, 3);
        v.dilation_h = between(r, 1, 2);
        v.dilation_w = between(r, 1, 2);
    } while (!complete(&v));
    return v;
}

/* Each instruction set that the machine has, by the name that caps it. */
static const char *const levels[] = {"scalar", "avx2", "avx512"};

static void use_level(const char *name)
{
    static char before[32];
    const char *now = getenv("LATHE_CPU");
    if (name && !before[0])
        snprintf(before, sizeof before, "%s", now ? now : "-");
    if (!name && before[0] == '-')
        unsetenv("LATHE_CPU");
    else
        setenv("LATHE_CPU", name ? name : before, 1);
    assert_int_equal(cpu_start(NULL), E_OK);
}

static void check_levels(trial *t)
{
    for (int l = 0; l < 3; l++) {
        use_level(levels[l]);
        trial_run(t);
        trial_check(t);
    }
    use_level(NULL);
}

static void test_random_geometry(void **state)
{
    static const double densities[] = {0, 0.02, 0.1, 0.3, 0.7, 1};
    random_stream r = random_new(1, "sparse", 0);
    (void)state;
    for (int i = 0; i < 72; i++) {
        convolution v = random_geometry(&r);
        trial t;
        trial_make(&t, &v, &r, densities[i % 6], 1, false);
        if (algorithm_sparse.suits(&t.v, t.weight))
            check_levels(&t);
        trial_clear(&t);
    }
}

/* Images of one pixel and many, wide and narrow, one or several in a tile. */
static void test_sizes(void **state)
{
    static const int64_t shapes[][5] = {
        {1, 1, 700, 20, 3}, {9, 1, 33, 17, 1}, {1, 2, 40, 16, 3},  {5, 4, 48, 33, 3},
        {3, 6, 20, 40, 3},  {2, 8, 48, 32, 3}, {1, 16, 24, 16, 5}, {1, 33, 7, 20, 3},
        {11, 3, 16, 16, 3}, {1, 50, 3, 8, 7},  {1, 9, 4, 3, 1},
    };
    random_stream r = random_new(2, "sparse", 0);
    (void)state;
    for (int i = 0; i < 11; i++) {
        const int64_t *s = shapes[i];
        convolution v = same(s[0], s[1], s[2], s[3], s[4]);
        trial t;
        trial_make(&t, &v, &r, 0.15, 1, false);
        check_levels(&t);
        trial_clear(&t);
    }
}

/* A few weights of more inputs than 16 bits can number. */
static void test_far_places(void **state)
{
    random_stream r = random_new(6, "sparse", 0);
    convolution v = same(1, 1, 70000, 3, 1);
    trial t;
    (void)state;
    trial_make(&t, &v, &r, 0.002, 1, false);
    for (int64_t o = 0; o < v.out_c; o++)
        t.weight[(o + 1) * v.c - 1] = 1; /* the last input counts, whatever was drawn */
    reference(&t);
    check_levels(&t);
    trial_clear(&t);
}

/* Four outputs at the same inputs are seen, and only those. */
static void test_blocks_of_outputs(void **state)
{
    random_stream r = random_new(3, "sparse", 0);
    (void)state;
    for (int i = 0; i < 24; i++) {
        int64_t size = between(&r, 1, 20), outputs = between(&r, 1, 8) * 4;
        convolution v = same(between(&r, 1, 3), size, between(&r, 4, 40), outputs, 3);
        trial t;
        trial_make(&t, &v, &r, 0.2, i % 2 ? 4 : 1, false);
        for (int l = 0; l < 3; l++) {
            use_level(levels[l]);
            assert_string_equal(trial_run(&t), i % 2 ? "sparse 4x1" : "sparse");
            trial_check(&t);
        }
        trial_clear(&t);
    }
    use_level(NULL);
}

/* The same bits for any number of threads, and for work cut in chunks. */
static void test_threads(void **state)
{
    random_stream r = random_new(4, "sparse", 0);
    (void)state;
    for (int i = 0; i < 8; i++) {
        convolution v = same(1, i < 4 ? 8 : 20, i < 4 ? 150 : 24, 40, 3);
        trial t;
        trial_make(&t, &v, &r, i % 2 ? 0.4 : 0.05, i % 4 < 2 ? 1 : 4, true);
        size_t bytes = (size_t)(pixels_out(&t) * t.v.y_pitch) * sizeof *t.y;
        float *first = memory_new_raw((int64_t)bytes, 1, NULL);
        for (int threads = 1; threads <= 5; threads++) {
            cpu_set_threads(threads);
            trial_run(&t);
            if (threads == 1)
                memcpy(first, t.y, bytes);
            assert_memory_equal(t.y, first, bytes);
        }
        cpu_set_threads(0);
        trial_check(&t);
        memory_free(first);
        trial_clear(&t);
    }
}

static bool wins(const convolution *v, double density)
{
    random_stream r = random_new(5, "sparse", 0);
    trial t = {.v = *v};
    t.weight = normals(&r, weight_count(&t));
    thin_out(&t, &r, density, 1);
    bool answer = sparse_wins(v, t.weight);
    const algorithm *guess =
        algorithm_guess(v, t.weight, PRECISION_F32, ALGORITHM_FORWARD);
    assert_int_equal(guess == &algorithm_sparse, answer);
    memory_free(t.weight);
    return answer;
}

static void test_when_it_wins(void **state)
{
    static const int64_t shapes[][3] = {
        {32, 64, 128}, {16, 128, 256}, {8, 256, 512}, {4, 512, 512}};
    (void)state;
    for (int i = 0; i < 4; i++) {
        convolution v = same(1, shapes[i][0], shapes[i][1], shapes[i][2], 3);
        assert_true(wins(&v, 0.05));
        assert_true(wins(&v, 0.01));
        assert_false(wins(&v, 1));
    }
}

static void test_unsuited(void **state)
{
    convolution v = same(1, 4, 8, 8, 3);
    float *weight = memory_new(8 * 9 * 8, sizeof *weight, NULL);
    (void)state;
    assert_true(algorithm_sparse.suits(&v, weight));
    assert_false(algorithm_sparse.suits(&v, NULL));
    v.groups = 2;
    assert_false(algorithm_sparse.suits(&v, weight));
    assert_ptr_equal(algorithm_find("sparse"), &algorithm_sparse);
    memory_free(weight);
}

/* The kernel of a plan's first step, and the sum of its output. */
static double run_plan(const graph *g, char *kernel, size_t bytes)
{
    error e = {0};
    plan *p = plan_new_inference(g, 1, g->input_shape, &e);
    if (!p || plan_start(p, &e))
        fail_msg("%s", e.text);
    random_stream r = random_new(6, "sparse", 0);
    random_fill_uniform(&r, plan_input(p), shape_count(g->input_shape), -1, 1);
    assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
    shape out = plan_output_shape(p);
    double sum = 0;
    for (int64_t i = 0; i < shape_count(out); i++)
        sum += (double)plan_output(p)[i];
    table *t = plan_describe(p, &e);
    int64_t column = table_column(t, "kernel");
    snprintf(kernel, bytes, "%s", table_get(t, 0, column)->words);
    table_free(t);
    plan_free(p);
    return sum;
}

/* A pruned network runs sparse, and gives what it gave with these zeros before. */
static void test_in_a_plan(void **state)
{
    static const char *const kinds[] = {"weight", "4x1"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        error e = {0};
        char kernel[256];
        prune_pattern pattern;
        prune_result result;
        graph *g = graph_new(shape_of(3, INT64_C(16), INT64_C(16), INT64_C(64)), &e);
        support_block(g, "one", g->input, 128);
        support_fill(g, 12);
        assert_int_equal(prune_pattern_read(&pattern, kinds[i], &e), E_OK);
        assert_int_equal(prune_by_pattern(g, criterion_find("magnitude"), SCOPE_GLOBAL,
                                          &pattern, 0.95, 1, &result, &e),
                         E_OK);
        double sparse = run_plan(g, kernel, sizeof kernel);
        assert_non_null(strstr(kernel, i ? " sparse 4x1" : " sparse +"));
        assert_int_equal(node_set_method(&g->nodes[0], "gather", &e), E_OK);
        double dense = run_plan(g, kernel, sizeof kernel);
        assert_non_null(strstr(kernel, " gather"));
        assert_true(fabs(sparse - dense) <= 1e-5 * (1 + fabs(dense)));
        graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_geometry),   cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_blocks_of_outputs), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_when_it_wins),      cmocka_unit_test(test_unsuited),
        cmocka_unit_test(test_far_places),        cmocka_unit_test(test_in_a_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
