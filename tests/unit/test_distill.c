/* SPDX-License-Identifier: GPL-3.0-or-later
   test_distill.c -- the loss of a student against sums by hand, its gradient against
   finite differences through whole networks, a student that learns a random teacher, and
   masks and adapters that are as they should be afterwards. */
#include "support.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "support_graph.h"
#include "train/distill.h"
#include "train/distill_loss.h"
#include "zoo/architecture.h"

enum { SIZE = 4, SAMPLES = 12, CLASSES = 3 };

/* ---- the distances ---- */

static double kl_by_hand(const float *y, const float *z, const float *valid, int rows,
                         int channels, double t)
{
    double sum = 0;
    for (int r = 0; r < rows; r++) {
        double a = 0, b = 0;
        for (int c = 0; c < channels; c++) {
            a += exp((double)y[r * channels + c] / t);
            b += exp((double)z[r * channels + c] / t);
        }
        for (int c = 0; c < channels; c++) {
            double q = exp((double)y[r * channels + c] / t) / a;
            double p = exp((double)z[r * channels + c] / t) / b;
            sum += (valid ? (double)valid[r] : 1) * p * log(p / q);
        }
    }
    return t * t * sum / rows;
}

static void logits_have_their_gradient(void **state)
{
    (void)state;
    enum { ROWS = 7, CHANNELS = 5, N = ROWS * CHANNELS };
    random_stream r = random_new(1, "logits", 0);
    float y[N], z[N], g[N], valid[ROWS] = {1, 0, 1, 0.5f, 1, 1, 0};
    random_fill_uniform(&r, y, N, -3, 3);
    random_fill_uniform(&r, z, N, -3, 3);
    for (int masked = 0; masked < 2; masked++) {
        const float *v = masked ? valid : NULL;
        for (int i = 0; i < N; i++)
            g[i] = 1;
        double is = distill_logits(y, z, v, ROWS, CHANNELS, 3, 0.7, 0.25, g);
        assert_true(fabs(is - 0.7 * kl_by_hand(y, z, v, ROWS, CHANNELS, 3)) < 1e-9);
        for (int i = 0; i < N; i++) {
            float before = y[i];
            y[i] = before + 1e-2f;
            double up = kl_by_hand(y, z, v, ROWS, CHANNELS, 3), high = (double)y[i];
            y[i] = before - 1e-2f;
            double down = kl_by_hand(y, z, v, ROWS, CHANNELS, 3);
            double slope = 0.7 * (up - down) / (high - (double)y[i]);
            y[i] = before;
            assert_true(fabs((double)g[i] - 0.25 - slope) < 1e-5);
        }
    }
}

/* At a high temperature the gradient tends to that of half the squared error of centred
   logits over their number: T^2 keeps it from vanishing. */
static void temperature_keeps_the_scale(void **state)
{
    (void)state;
    float y[4] = {1, -1, 2, 0}, z[4] = {0, 1, -1, 2}, g[4] = {0};
    distill_logits(y, z, NULL, 1, 4, 1e3, 1, 0, g);
    for (int c = 0; c < 4; c++)
        assert_true(fabs((double)g[c] - (double)(y[c] - z[c]) / 4) < 1e-2);
}

/* ---- whole networks ---- */

/* conv, sigmoid, pool "inner"; then classes, or an image of two channels. */
static graph *network(int64_t width, int64_t pool, bool classes, uint64_t seed)
{
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(2)), NULL);
    attributes conv = support_convolution(width, 3), window = support_window(pool, pool),
               head = support_convolution(2, 1),
               last = {.channels = CLASSES, .bias = true}, up = {.factor = pool};
    int v = graph_add(g, "conv2d", "conv", &conv, &g->input, 1, NULL);
    v = graph_add(g, "sigmoid", "bend", NULL, &v, 1, NULL);
    v = graph_add(g, "avg_pool2d", "inner", &window, &v, 1, NULL);
    if (classes) {
        v = graph_add(g, "flatten", "flatten", NULL, &v, 1, NULL);
        graph_add(g, "linear", "last", &last, &v, 1, NULL);
    } else {
        v = graph_add(g, "resize_nearest", "up", &up, &v, 1, NULL);
        graph_add(g, "conv2d", "last", &head, &v, 1, NULL);
    }
    support_fill(g, seed);
    return g;
}

static dataset *data_of(bool classes)
{
    dataset *d = dataset_new(NULL);
    random_stream r = random_new(3, "data", 0);
    const int64_t n = SAMPLES, size = SIZE;
    d->source = memory_text("test", NULL);
    d->origin = memory_text("test", NULL);
    d->count = n;
    d->input = tensor_new(DTYPE_F32, shape_of(4, n, size, size, INT64_C(2)), NULL);
    random_fill_uniform(&r, tensor_write_f32(d->input, NULL), n * size * size * 2, -1, 1);
    d->target = tensor_new(DTYPE_F32,
                           classes ? shape_of(2, n, INT64_C(1))
                                   : shape_of(4, n, size, size, INT64_C(2)),
                           NULL);
    float *t = tensor_write_f32(d->target, NULL);
    for (int64_t i = 0; i < tensor_count(d->target); i++)
        t[i] = classes ? (float)(i % CLASSES) : (float)random_between(&r, -1, 1);
    if (!classes) {
        d->mask = tensor_new(DTYPE_U8, shape_of(4, n, size, size, INT64_C(1)), NULL);
        uint8_t *mask = tensor_write(d->mask, NULL);
        for (int64_t i = 0; i < tensor_count(d->mask); i++)
            mask[i] = random_between(&r, 0, 1) < 0.3;
    }
    d->class_count = classes ? CLASSES : 0;
    d->split = memory_new(n, 1, NULL);
    memset(d->split, SPLIT_TRAIN, (size_t)n);
    assert_int_equal(dataset_check(d, NULL), E_OK);
    return d;
}

typedef struct scene {
    bool classes, features;
    model *student, *teacher;
    dataset *d;
    train_settings t;
    train_state s;
    distiller *watch;
} scene;

static int inner_of(const graph *g)
{
    return g->nodes[graph_find_node(g, "inner")].output;
}

static void open_scene(scene *c, bool classes, bool features)
{
    *c = (scene){.classes = classes, .features = features};
    c->student = model_new(network(3, 2, classes, 1), NULL);
    c->teacher = model_new(network(5, features ? 1 : 2, classes, 2), NULL);
    c->d = data_of(classes);
    c->t = (train_settings){.epochs = 1, .batch = SAMPLES, .seed = 5};
    c->t.loss = loss_find(classes ? "cross-entropy" : "masked-mse");
    c->t.terms = loss_standard;
    c->t.optimizer = optimizer_find("sgd");
    c->t.rates = c->t.optimizer->standard;
    c->t.rates.learning_rate = 1;
    c->t.schedule = schedule_find("constant");
    c->t.distillation =
        (train_distillation){.temperature = 2.5, .alpha = 0.6, .beta = 0.8};
    int adapted = -1;
    if (features)
        assert_int_equal(distill_attach(c->student->graph, inner_of(c->student->graph),
                                        c->teacher->graph, inner_of(c->teacher->graph),
                                        dataset_input_shape(c->d), 4, &adapted, NULL),
                         E_OK);
    assert_int_equal(adapted, distill_adapted(c->student->graph));
    c->watch = distiller_new(c->teacher, adapted,
                             features ? inner_of(c->teacher->graph) : -1, NULL);
    c->t.teacher = c->watch;
    assert_int_equal(train_start(&c->s, c->student, &c->t, NULL), E_OK);
}

static void close_scene(scene *c)
{
    train_clear(&c->s);
    distiller_free(c->watch);
    model_free(c->student);
    model_free(c->teacher);
    dataset_free(c->d);
}

/* What G puts out for all samples, and its VALUE unless that is -1; both owned. */
static float *answers(const scene *c, const graph *g, int value, float **inner,
                      int64_t *n, shape *at)
{
    plan *p = plan_new_inference(g, SAMPLES, g->input_shape, NULL);
    if (value >= 0)
        assert_int_equal(plan_want_value(p, value, NULL), E_OK);
    float *x = plan_input(p);
    memcpy(x, tensor_f32(c->d->input),
           (size_t)(SAMPLES * shape_count(g->input_shape)) * sizeof *x);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    *n = shape_count(plan_output_shape(p));
    float *y = memory_new(*n, sizeof *y, NULL);
    memcpy(y, plan_output(p), (size_t)*n * sizeof *y);
    if (value >= 0) {
        *at = plan_value_shape(p, value);
        *inner = memory_new(shape_count(*at), sizeof **inner, NULL);
        memcpy(*inner, plan_value(p, value), (size_t)shape_count(*at) * sizeof **inner);
    }
    plan_free(p);
    return y;
}

/* 1 where element I of the image targets counts. */
static double counts(const scene *c, int64_t i)
{
    return c->d->mask ? 1 - ((const uint8_t *)tensor_data(c->d->mask))[i / 2] : 1;
}

static double outputs_by_hand(const scene *c, const float *y, const float *z, int64_t n)
{
    const float *t = tensor_f32(c->d->target);
    const double alpha = c->t.distillation.alpha;
    double sum = 0;
    if (!c->classes) {
        for (int64_t i = 0; i < n; i++) {
            double a = (double)y[i] - (double)t[i], b = (double)y[i] - (double)z[i];
            sum += counts(c, i) * ((1 - alpha) * a * a + alpha * b * b) / (double)n;
        }
        return sum;
    }
    for (int64_t r = 0; r < SAMPLES; r++) {
        double all = 0;
        for (int k = 0; k < CLASSES; k++)
            all += exp((double)y[r * CLASSES + k]);
        sum += (log(all) - (double)y[r * CLASSES + (int64_t)t[r]]) / SAMPLES;
    }
    return (1 - alpha) * sum + alpha * kl_by_hand(y, z, NULL, SAMPLES, CLASSES,
                                                  c->t.distillation.temperature);
}

/* The whole loss, in double, from what both networks put out.  The teacher's inner value
   has a pixel for each of the target's. */
static double loss_by_hand(const scene *c, const graph *g)
{
    float *a = NULL, *k = NULL;
    int64_t n, m;
    shape at, there;
    const int inner = c->features ? inner_of(c->teacher->graph) : -1;
    float *y = answers(c, g, distill_adapted(g), &a, &n, &at),
          *z = answers(c, c->teacher->graph, inner, &k, &m, &there);
    assert_int_equal(n, m);
    double loss = outputs_by_hand(c, y, z, n), sum = 0;
    if (c->features) {
        assert_true(shape_equal(at, there));
        const int64_t channels = at.dim[3];
        for (int64_t i = 0; i < shape_count(at); i++)
            sum += counts(c, i / channels * 2) * pow((double)a[i] - (double)k[i], 2);
        loss += c->t.distillation.beta * sum / (double)shape_count(at);
    }
    memory_free(a);
    memory_free(k);
    memory_free(y);
    memory_free(z);
    return loss;
}

/* A step of rate 1 is the gradient, turned round. */
static void check_gradient(bool classes, bool features)
{
    scene c;
    int64_t index[SAMPLES];
    double loss;
    open_scene(&c, classes, features);
    graph *before = graph_copy(c.s.last->graph, NULL);
    for (int i = 0; i < SAMPLES; i++)
        index[i] = i;
    error e = {0};
    if (train_step(&c.s, &c.t, c.d, index, SAMPLES, &loss, &e))
        fail_msg("%s", e.text);
    assert_true(fabs(loss - loss_by_hand(&c, before)) < 1e-5 * fabs(loss));
    for (int i = 0; i < before->parameter_count; i++) {
        const int64_t count = tensor_count(before->parameters[i].data);
        const float *after = tensor_f32(c.s.last->graph->parameters[i].data);
        for (int64_t k = 0; k < count; k += 1 + count / 7) {
            float *w = tensor_write_f32(before->parameters[i].data, NULL), was = w[k];
            w[k] = was + 3e-2f;
            double high = (double)w[k], up = loss_by_hand(&c, before);
            w[k] = was - 3e-2f;
            double slope = (up - loss_by_hand(&c, before)) / (high - (double)w[k]);
            w[k] = was;
            double step = (double)was - (double)after[k];
            if (!(fabs(step - slope) < 2e-4 + 5e-3 * fabs(slope)))
                fail_msg("%s[%d]: gradient %g, slope %g", before->parameters[i].name,
                         (int)k, step, slope);
        }
    }
    graph_free(before);
    close_scene(&c);
}

static void gradients_are_derivatives(void **state)
{
    (void)state;
    for (int classes = 0; classes < 2; classes++)
        for (int features = 0; features < 2; features++)
            check_gradient(classes, features);
}

static void a_student_learns_its_teacher(void **state)
{
    (void)state;
    for (int classes = 0; classes < 2; classes++) {
        scene c;
        open_scene(&c, classes, false);
        c.t.epochs = 300;
        c.t.distillation = (train_distillation){.temperature = 2, .alpha = 1};
        c.t.optimizer = optimizer_find("adam");
        c.t.rates = c.t.optimizer->standard;
        c.t.rates.learning_rate = 0.02;
        train_clear(&c.s);
        /* A third of its weights are gone and stay away. */
        parameter *weight = &c.student->graph->parameters[0];
        weight->mask = tensor_new(DTYPE_U8, tensor_shape(weight->data), NULL);
        uint8_t *mask = tensor_write(weight->mask, NULL);
        for (int64_t i = 0; i < tensor_count(weight->data); i++)
            mask[i] = i % 3 != 0;
        assert_int_equal(train_start(&c.s, c.student, &c.t, NULL), E_OK);
        double before = loss_by_hand(&c, c.s.last->graph);
        for (int i = 0; i < 300; i++)
            assert_int_equal(train_epoch(&c.s, &c.t, c.d, NULL, NULL), E_OK);
        double after = loss_by_hand(&c, c.s.last->graph);
        if (!(after < 0.2 * before))
            fail_msg("the distance fell from %g to %g", before, after);
        const parameter *p = &c.s.last->graph->parameters[0];
        for (int64_t i = 0; i < tensor_count(p->data); i += 3)
            assert_true(tensor_f32(p->data)[i] == 0);
        close_scene(&c);
    }
}

static void adapters_go(void **state)
{
    (void)state;
    graph *g = network(3, 2, true, 1), *teacher = network(5, 1, true, 2);
    const uint64_t before = graph_hash(g);
    const int output = g->output;
    int adapted;
    assert_int_equal(distill_attach(g, inner_of(g), teacher, inner_of(teacher),
                                    g->input_shape, 1, &adapted, NULL),
                     E_OK);
    assert_int_equal(g->output, output);
    assert_int_equal(graph_reader_count(g, adapted), 0);
    assert_true(graph_hash(g) != before);
    assert_int_equal(distill_detach(g, NULL), E_OK);
    assert_true(graph_hash(g) == before);
    assert_int_equal(distill_adapted(g), -1);
    graph_free(g);
    graph_free(teacher);
}

/* The teacher's input is its own: a log of what the student sees plainly. */
static void both_see_the_same_samples(void **state)
{
    (void)state;
    scene c;
    int64_t index[SAMPLES] = {0};
    double plain, other;
    open_scene(&c, true, false);
    for (int i = 0; i < SAMPLES; i++)
        index[i] = i;
    assert_int_equal(train_step(&c.s, &c.t, c.d, index, SAMPLES, &plain, NULL), E_OK);
    close_scene(&c);
    open_scene(&c, true, false);
    /* y = (x - 0.5) / 2 in front of weights that undo it: the same teacher. */
    c.teacher->input_transform =
        (transform){.kind = TRANSFORM_NORMALIZE, .channels = 2, .deviation = {2, 2}};
    float *w = tensor_write_f32(c.teacher->graph->parameters[0].data, NULL);
    for (int64_t i = 0; i < tensor_count(c.teacher->graph->parameters[0].data); i++)
        w[i] *= 2;
    assert_int_equal(train_step(&c.s, &c.t, c.d, index, SAMPLES, &other, NULL), E_OK);
    close_scene(&c);
    assert_true(fabs(plain - other) < 1e-6 * plain);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    scene c;
    int64_t index[SAMPLES] = {0};
    double loss;
    error e = {0};
    open_scene(&c, true, false);
    distiller_free(c.watch);
    model *image = model_new(network(4, 2, false, 1), NULL);
    c.t.teacher = c.watch = distiller_new(image, -1, -1, NULL);
    assert_int_equal(train_step(&c.s, &c.t, c.d, index, SAMPLES, &loss, &e), E_SHAPE);
    assert_non_null(strstr(e.text, "the teacher"));
    close_scene(&c);
    graph *g = network(3, 2, true, 1);
    int adapted;
    assert_int_equal(
        distill_attach(g, inner_of(g), g, g->output, g->input_shape, 1, &adapted, &e),
        E_SHAPE);
    graph_free(g);
    model_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_have_their_gradient),
        cmocka_unit_test(temperature_keeps_the_scale),
        cmocka_unit_test(gradients_are_derivatives),
        cmocka_unit_test(a_student_learns_its_teacher),
        cmocka_unit_test(adapters_go),
        cmocka_unit_test(both_see_the_same_samples),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
