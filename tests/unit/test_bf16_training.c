/* SPDX-License-Identifier: GPL-3.0-or-later
   test_bf16_training.c -- plans and trainings whose products are in bf16: they learn as
   well as in f32, have the same bits at any number of threads, and say what they are. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/table.h"
#include "engine/plan.h"
#include "support_phase.h"
#include "train/trainer.h"

#define MODEL "channels=4 levels=2 size=16"

static train_settings settings_of(precision p, int64_t epochs)
{
    train_settings t = {.epochs = epochs, .batch = 4, .seed = 5, .precision = p};
    t.loss = loss_find("masked-mse");
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.rates.learning_rate = 1e-2;
    t.schedule = schedule_find("cosine");
    return t;
}

/* The best validation loss of a training, in *LOSS, and the hash of its model. */
static uint64_t train_with(precision p, int64_t epochs, uint64_t seed, double *loss)
{
    error e = {0};
    train_state s;
    train_settings t = settings_of(p, epochs);
    model *m = support_phase_model(MODEL, seed);
    dataset *d = support_phase_data(40, 16, seed + 1);
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    while (!s.finished)
        if (train_epoch(&s, &t, d, NULL, &e) != E_OK)
            fail_msg("%s", e.text);
    /* Validation is f32 inference: the loss comes out again. */
    double again;
    assert_int_equal(train_loss(train_result(&s), d, SPLIT_VAL, &t, &again, &e), E_OK);
    assert_true(fabs(again - s.best_loss) < 1e-5 * again);
    uint64_t hash = graph_hash(train_result(&s)->graph);
    *loss = s.best_loss;
    train_clear(&s);
    model_free(m);
    dataset_free(d);
    return hash;
}

/* Over several seeds, because one short training is luck. */
static void training_learns_as_well(void **state)
{
    enum { SEEDS = 4, EPOCHS = 12 };
    double ratio = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double exact, near;
        train_with(PRECISION_F32, EPOCHS, seed, &exact);
        train_with(PRECISION_BF16, EPOCHS, seed, &near);
        ratio += log(near / exact) / SEEDS;
    }
    if (!(fabs(ratio) < 0.1))
        fail_msg("bf16 ends at %.3f of the loss of f32", exp(ratio));
}

static void threads_do_not_matter(void **state)
{
    double one, two, exact;
    (void)state;
    cpu_set_threads(1);
    uint64_t first = train_with(PRECISION_BF16, 2, 1, &one);
    cpu_set_threads(2);
    uint64_t second = train_with(PRECISION_BF16, 2, 1, &two);
    cpu_set_threads(0);
    assert_true(first == second && one == two);
    /* And it was not f32. */
    assert_true(train_with(PRECISION_F32, 2, 1, &exact) != first);
}

static int64_t steps_with(const plan *p, const char *kernel)
{
    int64_t found = 0;
    table *t = plan_describe(p, NULL);
    assert_non_null(t);
    int64_t column = table_column(t, "kernel");
    for (int64_t i = 0; i < t->row_count; i++)
        found += strstr(table_get(t, i, column)->words, kernel) != NULL;
    table_free(t);
    return found;
}

static void plans_say_what_runs(void **state)
{
    (void)state;
    error e = {0};
    model *m = support_phase_model(MODEL, 1);
    for (int training = 0; training < 2; training++) {
        plan *p = training ? plan_new_training(m->graph, 2, m->graph->input_shape, &e)
                           : plan_new_inference(m->graph, 2, m->graph->input_shape, &e);
        assert_non_null(p);
        assert_int_equal(plan_set_precision(p, PRECISION_BF16, &e), E_OK);
        assert_int_equal(plan_start(p, &e), E_OK);
        assert_true(steps_with(p, "conv2d bf16") > 0);
        assert_int_equal(steps_with(p, "conv2d f32"), 0);
        assert_int_equal(steps_with(p, " bf16"), steps_with(p, "conv2d"));
        assert_int_equal(plan_set_precision(p, PRECISION_F32, &e), E_USAGE);
        plan_free(p);
    }
    model_free(m);
}

/* y = a w' + b in bf16 is that of rounded numbers: 1 + 2^-8 counts as 1. */
static void inference_rounds(void **state)
{
    (void)state;
    error e = {0};
    graph *g = graph_new(shape_of(1, (int64_t)2), &e);
    assert_non_null(g);
    const attributes a = {.channels = 1};
    int input = g->input, y = graph_add(g, "linear", "fc", &a, &input, 1, &e);
    assert_true(y >= 0);
    float *w = tensor_write_f32(g->parameters[0].data, &e);
    w[0] = 1;
    w[1] = 2;
    plan *p = plan_new_inference(g, 3, g->input_shape, &e);
    assert_non_null(p);
    assert_int_equal(plan_set_precision(p, PRECISION_BF16, &e), E_OK);
    float *x = plan_input(p);
    assert_non_null(x);
    for (int i = 0; i < 6; i++)
        x[i] = i % 2 ? 1 + 0x1p-8f : 3;
    assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
    for (int i = 0; i < 3; i++)
        assert_true(plan_output(p)[i] == 5);
    plan_free(p);
    graph_free(g);
}

static void nothing_to_round_is_refused(void **state)
{
    (void)state;
    error e = {0};
    graph *g = graph_new(shape_of(1, (int64_t)2), &e);
    assert_non_null(g);
    const attributes none = {0};
    int input = g->input, y = graph_add(g, "relu", "act", &none, &input, 1, &e);
    assert_true(y >= 0);
    plan *p = plan_new_inference(g, 1, g->input_shape, &e);
    assert_non_null(p);
    assert_int_equal(plan_set_precision(p, PRECISION_BF16, &e), E_OK);
    assert_int_equal(plan_start(p, &e), E_USAGE);
    assert_non_null(strstr(e.text, "bf16"));
    assert_int_equal(plan_set_precision(p, PRECISION_F32, &e), E_OK);
    assert_int_equal(plan_start(p, &e), E_OK);
    plan_free(p);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_learns_as_well),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(plans_say_what_runs),
        cmocka_unit_test(inference_rounds),
        cmocka_unit_test(nothing_to_round_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
