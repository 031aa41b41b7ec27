/* SPDX-License-Identifier: GPL-3.0-or-later
   test_tune.c -- tuning: plain algorithms against sums in double, wrong kernels rejected,
   the rest of the graph left alone. */
#include "support.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "compress/quantize.h"
#include "engine/tune.h"
#include "kernel/reference.h"
#include "support_graph.h"
#include "support_phase.h"

enum { SIZE = 16 };

/* ---- direct, im2col and the reference ---- */

typedef struct trial {
    convolution v;
    finish tail;
    int64_t inputs, outputs, weights;
    float *x, *weight, *bias, *scale, *shift, *residual, *y;
    double *wanted;
} trial;

static int64_t out_size(int64_t size, int64_t pad, int64_t dilation, int64_t kernel,
                        int64_t stride)
{
    return (size + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
}

static float *numbers(random_stream *r, int64_t n)
{
    float *x = memory_new(n, sizeof *x, NULL);
    random_fill_uniform(r, x, n, -1, 1);
    return x;
}

static int64_t draw(random_stream *r, int64_t low, int64_t high)
{
    return low + (int64_t)(random_uniform(r) * (double)(high - low + 1));
}

static void draw_trial(trial *t, random_stream *r)
{
    convolution v = {.n = draw(r, 1, 3), .groups = draw(r, 1, 3)};
    v.c = v.groups * draw(r, 1, 9);
    v.out_c = v.groups * draw(r, 1, 5);
    v.kernel_h = draw(r, 1, 3);
    v.kernel_w = draw(r, 1, 4);
    v.stride_h = draw(r, 1, 2);
    v.stride_w = draw(r, 1, 3);
    v.pad_h = draw(r, 0, 2);
    v.pad_w = draw(r, 0, 2);
    v.dilation_h = draw(r, 1, 2);
    v.dilation_w = draw(r, 1, 2);
    v.h = draw(r, 6, 20);
    v.w = draw(r, 7, 20);
    v.out_h = out_size(v.h, v.pad_h, v.dilation_h, v.kernel_h, v.stride_h);
    v.out_w = out_size(v.w, v.pad_w, v.dilation_w, v.kernel_w, v.stride_w);
    v.x_pitch = draw(r, 0, 1) ? v.c + draw(r, 0, 5) : 0;
    v.y_pitch = draw(r, 0, 1) ? v.out_c + draw(r, 0, 5) : 0;
    int64_t pixels = v.n * v.out_h * v.out_w;
    *t = (trial){.v = v};
    t->inputs = v.n * v.h * v.w * (v.x_pitch ? v.x_pitch : v.c);
    t->outputs = pixels * (v.y_pitch ? v.y_pitch : v.out_c);
    t->weights = v.out_c * v.kernel_h * v.kernel_w * (v.c / v.groups);
    t->x = numbers(r, t->inputs);
    t->weight = numbers(r, t->weights);
    t->bias = draw(r, 0, 1) ? numbers(r, v.out_c) : NULL;
    t->scale = draw(r, 0, 1) ? numbers(r, v.out_c) : NULL;
    t->shift = draw(r, 0, 1) ? numbers(r, v.out_c) : NULL;
    t->residual = draw(r, 0, 1) ? numbers(r, pixels * (v.out_c + 3)) : NULL;
    t->tail = (finish){.scale = t->scale,
                       .shift = t->shift,
                       .rectify = (rectifier)draw(r, RECTIFY_NONE, RECTIFY_HARD_SWISH),
                       .slope = 0.1f,
                       .residual = t->residual,
                       .residual_pitch = v.out_c + 3};
    t->y = numbers(r, t->outputs);
    t->wanted = memory_new(pixels * v.out_c, sizeof *t->wanted, NULL);
}

static void trial_clear(trial *t)
{
    memory_free(t->x);
    memory_free(t->weight);
    memory_free(t->bias);
    memory_free(t->scale);
    memory_free(t->shift);
    memory_free(t->residual);
    memory_free(t->y);
    memory_free(t->wanted);
}

/* Output O of a pixel by its definition, from the outside in. */
static double by_definition(const trial *t, int64_t pixel, int64_t o)
{
    const convolution *v = &t->v;
    int64_t depth = v->c / v->groups, width = v->out_c / v->groups;
    int64_t n = pixel / (v->out_h * v->out_w), pitch = v->x_pitch ? v->x_pitch : v->c;
    double sum = t->bias ? (double)t->bias[o] : 0;
    for (int64_t h = 0; h < v->h; h++)
        for (int64_t w = 0; w < v->w; w++)
            for (int64_t i = 0; i < depth; i++) {
                int64_t a = h + v->pad_h - pixel / v->out_w % v->out_h * v->stride_h;
                int64_t b = w + v->pad_w - pixel % v->out_w * v->stride_w;
                if (a < 0 || b < 0 || a % v->dilation_h || b % v->dilation_w ||
                    a / v->dilation_h >= v->kernel_h || b / v->dilation_w >= v->kernel_w)
                    continue;
                int64_t tap = (o * v->kernel_h + a / v->dilation_h) * v->kernel_w +
                              b / v->dilation_w;
                sum +=
                    (double)t->weight[tap * depth + i] *
                    (double)
                        t->x[((n * v->h + h) * v->w + w) * pitch + o / width * depth + i];
            }
    sum =
        sum * (t->scale ? (double)t->scale[o] : 1) + (t->shift ? (double)t->shift[o] : 0);
    if (t->residual)
        sum += (double)t->residual[pixel * t->tail.residual_pitch + o];
    if (t->tail.rectify == RECTIFY_HARD_SWISH)
        return sum * fmin(fmax(sum + 3, 0), 6) / 6;
    double slope = t->tail.rectify == RECTIFY_ZERO    ? 0
                   : t->tail.rectify == RECTIFY_SLOPE ? (double)t->tail.slope
                                                      : 1;
    return sum < 0 ? slope * sum : sum;
}

static void check_algorithm(trial *t, const algorithm *a)
{
    const convolution *v = &t->v;
    void *prepared = memory_new((int64_t)a->prepared_bytes(v, t->weight) + 1, 1, NULL);
    void *scratch = memory_new((int64_t)a->scratch_bytes(v) + 1, 1, NULL);
    int64_t pitch = v->y_pitch ? v->y_pitch : v->out_c;
    for (int64_t i = 0; i < t->outputs; i++)
        t->y[i] = -77;
    a->prepare(v, t->weight, prepared);
    a->forward(v, t->x, prepared, t->bias, &t->tail, t->y, scratch);
    for (int64_t i = 0; i < t->outputs; i++) {
        if (i % pitch >= v->out_c) {
            assert_true(t->y[i] == -77);
            continue;
        }
        double wanted = t->wanted[i / pitch * v->out_c + i % pitch];
        if (!(fabs((double)t->y[i] - wanted) <= 1e-5 * (1 + fabs(wanted))))
            fail_msg("%s: %.9g, wanted %.9g", a->name, (double)t->y[i], wanted);
    }
    memory_free(prepared);
    memory_free(scratch);
}

static void plain_algorithms_are_right(void **state)
{
    (void)state;
    random_stream r = random_new(11, "tune", 0);
    for (int i = 0; i < 40; i++) {
        trial t;
        draw_trial(&t, &r);
        convolution_reference(&t.v, t.x, t.weight, t.bias, &t.tail, t.wanted);
        for (int64_t k = 0; k < t.v.n * t.v.out_h * t.v.out_w * t.v.out_c; k += 7) {
            double wanted = by_definition(&t, k / t.v.out_c, k % t.v.out_c);
            assert_true(fabs(t.wanted[k] - wanted) <= 1e-12 * (1 + fabs(wanted)));
        }
        assert_true(algorithm_direct.suits(&t.v, t.weight));
        assert_true(algorithm_im2col.suits(&t.v, t.weight));
        check_algorithm(&t, &algorithm_direct);
        check_algorithm(&t, &algorithm_im2col);
        trial_clear(&t);
    }
}

static void they_are_never_chosen_by_rule(void **state)
{
    (void)state;
    random_stream r = random_new(12, "tune", 0);
    for (int i = 0; i < 200; i++) {
        trial t;
        draw_trial(&t, &r);
        for (int k = 0; k < 2; k++) {
            const algorithm *a = algorithm_guess(&t.v, k ? t.weight : NULL, PRECISION_F32,
                                                 ALGORITHM_FORWARD);
            assert_true(a != &algorithm_direct && a != &algorithm_im2col);
        }
        trial_clear(&t);
    }
}

/* ---- tuning ---- */

static float *input_of(const graph *g, int64_t batch)
{
    random_stream r = random_new(5, "input", 0);
    return numbers(&r, batch * shape_count(g->input_shape));
}

static void check_layers(const tuning *t)
{
    for (int i = 0; i < t->count; i++) {
        const tune_layer *l = &t->layers[i];
        assert_true(l->count >= 2);
        assert_true(l->best >= 0 && l->best < l->count && l->before < l->count);
        assert_false(l->trials[l->best].rejected);
        assert_true(l->trials[l->best].method > 0);
        assert_true(l->trials[l->best].ms <= l->trials[l->before].ms);
        for (int k = 0; k < l->count; k++) {
            assert_true(l->trials[k].ms > 0);
            if (l->trials[k].method > 0)
                assert_true(l->trials[k].difference <= (l->integer ? 0 : TUNE_TOLERANCE));
        }
    }
}

static const tune_trial *trial_named(const tune_layer *l, const char *name)
{
    for (int i = 0; i < l->count; i++)
        if (strcmp(l->trials[i].name, name) == 0)
            return &l->trials[i];
    return NULL;
}

static void every_layer_is_tuned(void **state)
{
    (void)state;
    error e = {0};
    tuning t;
    graph *g = support_unet(SIZE);
    support_fill(g, 1);
    uint64_t hash = graph_hash(g);
    float *x = input_of(g, 2);
    tune_settings s = {.batch = 2, .input = x, .seconds = 0.4};
    if (tune_graph(g, &s, NULL, &t, &e))
        fail_msg("%s", e.text);
    assert_true(t.count == t.nodes && t.count > 3);
    assert_true(t.before_ms > 0 && t.after_ms > 0);
    check_layers(&t);
    for (int i = 0; i < t.count; i++) {
        const tune_layer *l = &t.layers[i];
        assert_non_null(trial_named(l, "direct"));
        assert_non_null(trial_named(l, "im2col"));
        if (t.kept)
            assert_string_equal(g->nodes[l->node].method, l->trials[l->best].name);
        else
            assert_null(g->nodes[l->node].method);
    }
    assert_true(graph_hash(g) == hash);
    tuning_clear(&t);
    memory_free(x);
    graph_free(g);
}

/* ---- kernels under trial ---- */

static void run_row(const operation *op)
{
    if (op->integer)
        op->node->op->forward_s8(op);
    else
        op->node->op->forward(op);
}

static void right_forward(const operation *op)
{
    run_row(op);
}

static void wrong_forward(const operation *op)
{
    run_row(op);
    if (op->integer)
        *(int8_t *)op->y ^= 1;
    else
        *(float *)op->y += 0.01f;
}

static void lazy_forward(const operation *op)
{
    (void)op;
}

static const tune_candidate candidates[] = {
    {"right", right_forward}, {"wrong", wrong_forward}, {"lazy", lazy_forward}};

static void check_rejections(graph *g)
{
    error e = {0};
    tuning t;
    float *x = input_of(g, 1);
    tune_settings s = {
        .batch = 1, .input = x, .seconds = 0.2, .more = candidates, .more_count = 3};
    if (tune_graph(g, &s, NULL, &t, &e))
        fail_msg("%s", e.text);
    assert_true(t.count > 3);
    check_layers(&t);
    for (int i = 0; i < t.count; i++) {
        const tune_layer *l = &t.layers[i];
        assert_false(trial_named(l, "right")->rejected);
        assert_true(trial_named(l, "wrong")->rejected);
        assert_true(trial_named(l, "lazy")->rejected);
        const char *method = g->nodes[l->node].method;
        assert_true(!method || (strcmp(method, "lazy") && strcmp(method, "wrong") &&
                                strcmp(method, "right")));
    }
    tuning_clear(&t);
    memory_free(x);
}

static void wrong_kernels_are_rejected(void **state)
{
    (void)state;
    graph *g = support_unet(SIZE);
    support_fill(g, 2);
    check_rejections(g);
    graph_free(g);
}

static void one_bit_is_too_much_in_integers(void **state)
{
    (void)state;
    error e = {0};
    model *m = support_phase_model("levels=2 channels=4 size=16", 1);
    dataset *d = support_phase_data(10, SIZE, 1);
    quantize_settings s = {.scheme = QUANTIZE_STATIC,
                           .bits = 8,
                           .grain = PER_CHANNEL,
                           .samples = 4,
                           .observer = observer_find("min-max"),
                           .seed = 1};
    if (quantize_model(m, &s, d, NULL, &e))
        fail_msg("%s", e.text);
    check_rejections(m->graph);
    model_free(m);
    dataset_free(d);
}

/* ---- stopping ---- */

static volatile sig_atomic_t stop;

static void stop_at_two(void *context, const progress *p)
{
    (void)context;
    stop = p->done >= 2;
}

static void what_was_reached_stays(void **state)
{
    (void)state;
    error e = {0};
    tuning t;
    graph *g = support_unet(SIZE);
    support_fill(g, 3);
    float *x = input_of(g, 1);
    tune_settings s = {.batch = 1, .input = x, .seconds = 0.4};
    task watch = {.report = stop_at_two, .cancel = &stop};
    stop = 0;
    assert_int_equal(tune_graph(g, &s, &watch, &t, &e), E_STOPPED);
    assert_int_equal(t.count, 2);
    assert_true(isnan(t.after_ms));
    int tuned = 0;
    for (int i = 0; i < g->node_count; i++)
        tuned += g->nodes[i].method != NULL;
    assert_int_equal(tuned, 2);
    assert_non_null(g->nodes[t.layers[1].node].method);
    tuning_clear(&t);
    memory_free(x);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_algorithms_are_right),
        cmocka_unit_test(they_are_never_chosen_by_rule),
        cmocka_unit_test(every_layer_is_tuned),
        cmocka_unit_test(wrong_kernels_are_rejected),
        cmocka_unit_test(one_bit_is_too_much_in_integers),
        cmocka_unit_test(what_was_reached_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
