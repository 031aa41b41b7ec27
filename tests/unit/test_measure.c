/* SPDX-License-Identifier: GPL-3.0-or-later
   test_measure.c -- metrics against plain sums, circulation against analytic vortices,
   prediction and evaluation against each other. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "measure/circulation.h"
#include "measure/evaluate.h"
#include "support_phase.h"
#include "train/trainer.h"

#define PI   3.14159265358979323846
#define SIZE 41

/* Angle brought to (-pi, pi]. */
static double wrapped(double angle)
{
    return angle - 2 * PI * ceil((angle - PI) / (2 * PI));
}

typedef struct vortex {
    double x, y;
    int turns;
} vortex;

static double phase_at(const vortex *v, int count, double x, double y)
{
    double phase = 0;
    for (int k = 0; k < count; k++)
        phase += v[k].turns * atan2(y - v[k].y, x - v[k].x);
    return phase;
}

/* Wrapped forward differences of the phase of COUNT vortices, (SIZE, SIZE, 2). */
static void make_field(const vortex *v, int count, float *gradient)
{
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) {
            double here = phase_at(v, count, x, y);
            float *g = &gradient[2 * (y * SIZE + x)];
            g[0] = (float)wrapped(phase_at(v, count, x + 1, y) - here);
            g[1] = (float)wrapped(phase_at(v, count, x, y + 1) - here);
        }
}

static double turns_of(const float *field, double cx, double cy, double radius)
{
    error e = {0};
    double turns = NAN;
    int touches = 1;
    assert_int_equal(
        circulation_circle(field, SIZE, SIZE, cx, cy, radius, NULL, &turns, &touches, &e),
        E_OK);
    assert_int_equal(touches, 0);
    return turns;
}

static void circles_count_the_vortices_inside(void **state)
{
    (void)state;
    float field[2 * SIZE * SIZE];
    for (int turns = -2; turns <= 2; turns++) {
        const vortex centre = {20.3, 19.6, turns};
        make_field(&centre, 1, field);
        for (double radius = 2; radius < 19; radius += 0.7)
            assert_true(fabs(turns_of(field, 20, 20, radius) - turns) < 1e-5);
    }
    const vortex three[3] = {{10.4, 12.3, 1}, {28.6, 24.7, 2}, {15.5, 30.5, -1}};
    make_field(three, 3, field);
    assert_true(fabs(turns_of(field, 10, 12, 4) - 1) < 1e-5);
    assert_true(fabs(turns_of(field, 28, 24, 5) - 2) < 1e-5);
    assert_true(fabs(turns_of(field, 16, 30, 4) + 1) < 1e-5);
    assert_true(fabs(turns_of(field, 20, 20, 18) - 2) < 1e-5);
    assert_true(fabs(turns_of(field, 30, 10, 5)) < 1e-5);
    assert_true(turns_of(field, 20, 20, 0) == 0);
}

typedef struct path {
    int64_t x, y, steps;
    double nearest, farthest;
    bool broken;
} path;

/* Each step leads to a neighbour and uses the difference between the two. */
static void follow(void *context, int64_t pixel, int axis, int sign, int64_t arrives)
{
    path *p = context;
    int64_t x = p->x + (axis == 0 ? sign : 0), y = p->y + (axis == 1 ? sign : 0);
    int64_t low_x = x < p->x ? x : p->x, low_y = y < p->y ? y : p->y;
    double off = hypot((double)x - 20, (double)y - 20);
    p->broken = p->broken || arrives != y * SIZE + x || pixel != low_y * SIZE + low_x;
    p->nearest = fmin(p->nearest, off);
    p->farthest = fmax(p->farthest, off);
    p->x = x;
    p->y = y;
    p->steps++;
}

static void paths_are_closed_and_near_the_circle(void **state)
{
    (void)state;
    for (int radius = 1; radius <= 20; radius++) {
        path p = {20 + radius, 20, 0, 1e9, 0, false};
        assert_int_equal(circulation_walk(SIZE, SIZE, 20, 20, radius, follow, &p, NULL),
                         E_OK);
        assert_false(p.broken);
        assert_int_equal(p.x, 20 + radius);
        assert_int_equal(p.y, 20);
        assert_int_equal(p.steps, 8 * radius);
        assert_true(p.nearest > radius - 1.0 && p.farthest < radius + 1.0);
    }
}

static void circles_must_stay_inside(void **state)
{
    (void)state;
    float field[2 * SIZE * SIZE] = {0};
    const double bad[][3] = {{20, 20, 21},    {5, 20, 6},      {20, 38, 4},
                             {20, 20, 1e300}, {20, 20, NAN},   {NAN, 20, 3},
                             {20, 20, -1},    {-30, 20, 2},    {20, 20, 40},
                             {1e18, 0, 1},    {20, -1e300, 3}, {42, 20, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error e = {0};
        double turns = 7;
        assert_int_equal(circulation_circle(field, SIZE, SIZE, bad[i][0], bad[i][1],
                                            bad[i][2], NULL, &turns, NULL, &e),
                         E_RANGE);
        assert_true(turns == 7 && e.text[0]);
    }
}

static void circles_notice_invalid_pixels(void **state)
{
    (void)state;
    float field[2 * SIZE * SIZE] = {0};
    uint8_t mask[SIZE * SIZE] = {0};
    double turns;
    int touches;
    mask[20 * SIZE + 30] = 1;
    for (int radius = 5; radius <= 15; radius++) {
        circulation_circle(field, SIZE, SIZE, 20, 20, radius, mask, &turns, &touches,
                           NULL);
        assert_int_equal(touches, radius == 10);
    }
}

static double metric_of(const char *name, const float *y, const float *t, const float *v,
                        shape s)
{
    const metric_sample sample = {y, t, v, s, 0};
    double sums[METRIC_SUMS] = {0};
    metric_find(name)->add(&sample, sums);
    return metric_find(name)->finish(sums);
}

static void circulation_error_counts_turns(void **state)
{
    (void)state;
    static float zero[2 * SIZE * SIZE], one[2 * SIZE * SIZE], valid[2 * SIZE * SIZE];
    shape s = shape_of(3, (int64_t)SIZE, (int64_t)SIZE, (int64_t)2);
    const vortex centre = {20.5, 20.5, 1};
    make_field(&centre, 1, one);
    for (int i = 0; i < 2 * SIZE * SIZE; i++)
        valid[i] = 1;
    const char *name = "circulation_error";
    assert_true(metric_of(name, one, one, valid, s) == 0);
    assert_true(fabs(metric_of(name, zero, one, NULL, s) - 1) < 1e-5);
    /* A vortex between the second and the third circle is missed by the other six. */
    const vortex aside = {20.5 + 5.2, 20.5, 1};
    make_field(&aside, 1, one);
    assert_true(fabs(metric_of(name, zero, one, NULL, s) - 6.0 / 8) < 1e-5);
    /* Where only the two smallest circles are valid, nothing is missed. */
    for (int i = 0; i < SIZE * SIZE; i++)
        if (hypot(i % SIZE - 20, i / SIZE - 20) > 5.2)
            valid[2 * i] = valid[2 * i + 1] = 0;
    assert_true(fabs(metric_of(name, zero, one, valid, s)) < 1e-5);
    memset(valid, 0, sizeof valid);
    assert_true(isnan(metric_of(name, zero, one, valid, s)));
}

static void metrics_are_what_they_say(void **state)
{
    (void)state;
    const float y[6] = {1, 2, 3, 4, 5, 6}, t[6] = {1, 1, 1, 1, 1, 1};
    const float v[6] = {1, 1, 0, 1, 0, 0};
    shape s = shape_of(3, (int64_t)1, (int64_t)3, (int64_t)2);
    assert_true(metric_of("mse", y, t, v, s) == 55.0 / 6);
    assert_true(metric_of("rmse", y, t, v, s) == sqrt(55.0 / 6));
    assert_true(metric_of("mae", y, t, v, s) == 15.0 / 6);
    assert_true(metric_of("masked_mse", y, t, v, s) == 10.0 / 6);
    assert_true(metric_of("masked_mse", y, t, NULL, s) == 55.0 / 6);
    assert_true(metric_of("valid_mse", y, t, v, s) == 10.0 / 3);
    assert_true(metric_of("valid_mae", y, t, v, s) == 4.0 / 3);
    assert_true(metric_of("valid_mae", y, t, NULL, s) == 15.0 / 6);
    for (int i = 0; metric_at(i); i++)
        assert_ptr_equal(metric_find(metric_at(i)->name), metric_at(i));
    assert_null(metric_find("loss"));
}

/* A model and data, for all tests below. */
typedef struct scene {
    model *m;
    dataset *d;
} scene;

static scene make_scene(void)
{
    return (scene){support_phase_model("channels=4 levels=2 size=16", 1),
                   support_phase_data(30, 16, 2)};
}

static void free_scene(scene *s)
{
    model_free(s->m);
    dataset_free(s->d);
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fabs(b);
}

static void evaluation_is_that_of_the_predictions(void **state)
{
    (void)state;
    scene s = make_scene();
    int64_t *index, n, count = 16 * 16 * 2;
    assert_int_equal(dataset_split_index(s.d, SPLIT_TEST, &index, &n, NULL), E_OK);
    tensor *y = predict(s.m, s.d, index, n, NULL);
    assert_non_null(y);
    double squares = 0, masked = 0, absolute = 0, valid = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < count; k++) {
            double d = (double)tensor_f32(y)[i * count + k] -
                       (double)tensor_f32(s.d->target)[index[i] * count + k];
            int kept = !((const uint8_t *)tensor_data(s.d->mask))[index[i] * 256 + k / 2];
            squares += d * d;
            absolute += fabs(d);
            masked += kept ? d * d : 0;
            valid += kept;
        }
    evaluation v;
    error e = {0};
    double all = (double)(n * count), loss;
    assert_int_equal(evaluate(s.m, s.d, SPLIT_TEST, 4, NULL, NULL, &v, NULL, &e), E_OK);
    assert_int_equal(v.samples, n);
    assert_true(near(evaluation_get(&v, "mse"), squares / all));
    assert_true(near(evaluation_get(&v, "rmse"), sqrt(squares / all)));
    assert_true(near(evaluation_get(&v, "mae"), absolute / all));
    assert_true(near(evaluation_get(&v, "masked_mse"), masked / all));
    assert_true(near(evaluation_get(&v, "valid_mse"), masked / valid));
    assert_true(isnan(evaluation_get(&v, "accuracy")));
    train_settings t = {.batch = 4, .loss = loss_find("masked-mse")};
    assert_int_equal(train_loss(s.m, s.d, SPLIT_TEST, &t, &loss, &e), E_OK);
    assert_true(near(loss, masked / all));
    tensor_free(y);
    free_scene(&s);
    memory_free(index);
}

static void batches_and_threads_do_not_matter(void **state)
{
    (void)state;
    scene s = make_scene();
    evaluation one, two, other;
    cpu_set_threads(1);
    assert_int_equal(evaluate(s.m, s.d, SPLIT_ALL, 7, NULL, NULL, &one, NULL, NULL),
                     E_OK);
    cpu_set_threads(2);
    assert_int_equal(evaluate(s.m, s.d, SPLIT_ALL, 7, NULL, NULL, &two, NULL, NULL),
                     E_OK);
    cpu_set_threads(0);
    assert_int_equal(evaluate(s.m, s.d, SPLIT_ALL, 100, NULL, NULL, &other, NULL, NULL),
                     E_OK);
    assert_int_equal(one.samples, 30);
    assert_memory_equal(one.value, two.value, sizeof one.value);
    for (int i = 0; i < one.count; i++)
        assert_true(near(one.value[i], other.value[i]));
    free_scene(&s);
}

static void samples_are_listed(void **state)
{
    (void)state;
    scene s = make_scene();
    evaluation v;
    table *rows = table_new(NULL);
    s.d->facts = table_new(NULL);
    s.d->group = memory_new(s.d->count, sizeof *s.d->group, NULL);
    for (int64_t i = 0; i < s.d->count; i++) {
        s.d->group[i] = i / 2;
        table_row(s.d->facts);
        table_real(s.d->facts, "omega", 0.01 * (double)i);
        table_real(s.d->facts, "index", -1); /* not ours: our column stands */
    }
    assert_int_equal(evaluate(s.m, s.d, SPLIT_VAL, 4, NULL, NULL, &v, rows, NULL), E_OK);
    assert_int_equal(rows->row_count, v.samples);
    double sum = 0, x, index;
    for (int64_t i = 0; i < rows->row_count; i++) {
        assert_true(table_number(rows, i, "index", &index));
        assert_int_equal(s.d->split[(int64_t)index], SPLIT_VAL);
        assert_true(table_number(rows, i, "omega", &x) && near(x, 0.01 * index));
        assert_true(table_number(rows, i, "group", &x) && x == floor(index / 2));
        assert_true(table_number(rows, i, "masked_mse", &x));
        sum += x;
    }
    assert_true(near(sum / (double)v.samples, evaluation_get(&v, "masked_mse")));
    table_row(rows);
    evaluation_put(&v, rows);
    assert_true(table_number(rows, rows->row_count - 1, "mse", &x));
    assert_true(x == evaluation_get(&v, "mse"));
    table_free(rows);
    free_scene(&s);
}

typedef struct watcher {
    volatile sig_atomic_t cancel;
    int reports, milestones;
    int64_t done;
} watcher;

static void watch_and_cancel(void *context, const progress *p)
{
    watcher *w = context;
    w->reports++;
    w->milestones += p->milestone;
    w->done = p->done;
    w->cancel = w->reports == 2;
}

static void evaluation_can_be_stopped(void **state)
{
    (void)state;
    scene s = make_scene();
    watcher w = {0};
    task t = {watch_and_cancel, &w, &w.cancel};
    evaluation v;
    error e = {0};
    assert_int_equal(evaluate(s.m, s.d, SPLIT_TRAIN, 4, NULL, &t, &v, NULL, &e),
                     E_STOPPED);
    assert_int_equal(w.reports, 2);
    t.cancel = NULL;
    assert_int_equal(evaluate(s.m, s.d, SPLIT_TRAIN, 4, NULL, &t, &v, NULL, &e), E_OK);
    assert_int_equal(w.done, 18);
    assert_int_equal(w.milestones, 1);
    free_scene(&s);
}

/* However many samples run at a time, each has its numbers. */
static void batches_change_no_sample(void **state)
{
    (void)state;
    static const int64_t batches[] = {1, 7, 18, 0};
    scene s = make_scene();
    evaluation v;
    error e = {0};
    table *rows[4];
    for (int k = 0; k < 4; k++) {
        rows[k] = table_new(&e);
        assert_int_equal(
            evaluate(s.m, s.d, SPLIT_TRAIN, batches[k], NULL, NULL, &v, rows[k], &e),
            E_OK);
        assert_int_equal(rows[k]->row_count, rows[0]->row_count);
        for (int64_t i = 0; i < rows[0]->row_count; i++)
            for (int64_t c = 0; c < rows[0]->column_count; c++) {
                const cell *a = table_get(rows[0], i, c), *b = table_get(rows[k], i, c);
                assert_int_equal(a->kind, b->kind);
                if (a->kind == CELL_REAL)
                    if (!(fabs(a->real - b->real) <= 1e-5 * fabs(a->real)))
                        fail_msg("%s: %.17g in batches of %lld, %.17g one by one",
                                 rows[0]->columns[c], b->real, (long long)batches[k],
                                 a->real);
            }
    }
    for (int k = 0; k < 4; k++)
        table_free(rows[k]);
    /* 16 x 16 pixels, whose largest value has some thousand numbers, in large runs. */
    assert_true(evaluation_batch(s.m, s.d) >= 64);
    free_scene(&s);
}

static void what_does_not_fit_is_told(void **state)
{
    (void)state;
    scene s = make_scene();
    dataset *larger = support_phase_data(3, 17, 2);
    evaluation v;
    error e = {0};
    double loss;
    assert_int_equal(evaluate(s.m, larger, SPLIT_ALL, 4, NULL, NULL, &v, NULL, &e),
                     E_SHAPE);
    assert_non_null(strstr(e.hint, "16x16x1"));
    assert_int_equal(evaluate(s.m, larger, SPLIT_TEST, 4, NULL, NULL, &v, NULL, &e),
                     E_USAGE);
    const train_settings t = {.batch = 4, .loss = loss_find("mse")};
    assert_int_equal(train_loss(s.m, larger, SPLIT_TEST, &t, &loss, &e), E_USAGE);
    assert_int_equal(evaluate(s.m, s.d, SPLIT_ALL, -1, NULL, NULL, &v, NULL, &e),
                     E_RANGE);
    const int64_t beyond = 30;
    assert_null(predict(s.m, s.d, &beyond, 1, &e));
    assert_int_equal(e.code, E_RANGE);
    assert_null(predict(s.m, s.d, &beyond, 0, &e));
    tensor_free(s.d->target);
    s.d->target = NULL;
    assert_int_equal(evaluate(s.m, s.d, SPLIT_ALL, 4, NULL, NULL, &v, NULL, &e), E_USAGE);
    dataset_free(larger);
    free_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles_count_the_vortices_inside),
        cmocka_unit_test(paths_are_closed_and_near_the_circle),
        cmocka_unit_test(circles_must_stay_inside),
        cmocka_unit_test(circles_notice_invalid_pixels),
        cmocka_unit_test(circulation_error_counts_turns),
        cmocka_unit_test(metrics_are_what_they_say),
        cmocka_unit_test(evaluation_is_that_of_the_predictions),
        cmocka_unit_test(batches_and_threads_do_not_matter),
        cmocka_unit_test(samples_are_listed),
        cmocka_unit_test(evaluation_can_be_stopped),
        cmocka_unit_test(batches_change_no_sample),
        cmocka_unit_test(what_does_not_fit_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
