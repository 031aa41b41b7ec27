/* SPDX-License-Identifier: GPL-3.0-or-later
   test_checkpoint.c -- trainings to disk and back: the same bits, and the same bits after
   going on; and checkpoints that are cut or bent. */
#include "support.h"
#include "support_phase.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "compress/prune.h"
#include "format/model_file.h"
#include "measure/evaluate.h"

#define MODEL "channels=4 levels=2 size=16"

static train_settings settings_of(const char *optimizer, int64_t epochs)
{
    train_settings t = {.epochs = epochs, .batch = 4, .seed = UINT64_MAX - 5};
    t.precision = PRECISION_BF16;
    t.loss = loss_find("masked-mse");
    t.terms = (loss_settings){.delta = 0.7, .smoothing = 0.125};
    t.optimizer = optimizer_find(optimizer);
    t.rates = t.optimizer->standard;
    t.rates.learning_rate = 1.0 / 300;
    t.rates.momentum = 0.9;
    t.rates.weight_decay = 1e-3 / 7;
    t.rates.nesterov = true;
    t.schedule = schedule_find("one-cycle");
    t.plan.warm_fraction = 0.3;
    t.plan.divisor = 25;
    t.plan.final_divisor = 1e4;
    t.plan.gamma = 0.1;
    t.plan.every = 30;
    t.regularizer = regularizer_find("sliced-wasserstein");
    t.lambda = 1.0 / 7;
    t.latent = 3;
    t.accumulate = 2;
    t.monitor = evaluate_monitor(metric_find("valid_mae"));
    t.clip = 2.0 / 3;
    t.patience = 7;
    return t;
}

static model *model_of(double sparsity)
{
    error e = {0};
    prune_result r;
    model *m = support_phase_model(MODEL, 1);
    if (sparsity > 0)
        assert_int_equal(prune_weights(m->graph, criterion_find("magnitude"),
                                       SCOPE_GLOBAL, TARGET_WEIGHTS_AND_SCALES, sparsity,
                                       1, &r, &e),
                         E_OK);
    model_add_step(m, "model m unet-phase", "built", &e);
    return m;
}

static void run_epochs(train_state *s, const train_settings *t, const dataset *d,
                       int epochs)
{
    error e = {0};
    for (int i = 0; i < epochs; i++)
        if (train_epoch(s, t, d, NULL, &e))
            fail_msg("%s", e.text);
}

static void check_same_model(const model *a, const model *b)
{
    assert_int_equal(a != NULL, b != NULL);
    if (!a)
        return;
    assert_true(graph_hash(a->graph) == graph_hash(b->graph));
    assert_int_equal(a->epoch_count, b->epoch_count);
    for (int64_t i = 0; i < a->epoch_count; i++)
        assert_true(a->epochs[i].val_loss == b->epochs[i].val_loss &&
                    a->epochs[i].best == b->epochs[i].best &&
                    a->epochs[i].score == b->epochs[i].score &&
                    strcmp(a->epochs[i].metric, b->epochs[i].metric) == 0);
    assert_int_equal(a->step_count, b->step_count);
}

static void check_same_slots(const train_state *a, const train_state *b)
{
    assert_int_equal(a->slot_count, b->slot_count);
    for (int i = 0; i < a->last->graph->parameter_count; i++) {
        assert_int_equal(a->slots[i] != NULL, b->slots[i] != NULL);
        for (int k = 0; a->slots[i] && k < a->slot_count; k++)
            assert_true(tensor_equal(a->slots[i][k], b->slots[i][k]));
    }
}

static void check_same_state(const train_state *a, const train_state *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->best_epoch, b->best_epoch);
    assert_int_equal(a->stale, b->stale);
    assert_int_equal(a->finished, b->finished);
    assert_memory_equal(&a->best_score, &b->best_score, sizeof a->best_score);
    assert_memory_equal(&a->best_loss, &b->best_loss, sizeof a->best_loss);
    check_same_model(a->last, b->last);
    check_same_model(a->best, b->best);
    check_same_slots(a, b);
}

/* Whole numbers and doubles, bit for bit. */
static void check_same_settings(const train_settings *a, const train_settings *b)
{
    assert_int_equal(a->epochs, b->epochs);
    assert_int_equal(a->batch, b->batch);
    assert_int_equal(a->patience, b->patience);
    assert_true(a->seed == b->seed && a->precision == b->precision);
    assert_true(a->loss == b->loss && a->optimizer == b->optimizer);
    assert_true(a->schedule == b->schedule);
    assert_memory_equal(&a->clip, &b->clip, sizeof a->clip);
    const double *x = &a->rates.learning_rate, *y = &b->rates.learning_rate;
    assert_memory_equal(x, y, 7 * sizeof *x);
    assert_int_equal(a->rates.nesterov, b->rates.nesterov);
    assert_memory_equal(&a->plan, &b->plan, sizeof a->plan);
    assert_true(a->regularizer == b->regularizer && a->lambda == b->lambda);
    assert_string_equal(a->monitor.name, b->monitor.name);
    assert_true(a->monitor.measure == b->monitor.measure);
    assert_true(a->latent == b->latent && a->accumulate == b->accumulate);
    assert_memory_equal(&a->terms, &b->terms, sizeof a->terms);
}

static char *write_state(const train_state *s, const train_settings *t,
                         const char *command)
{
    error e = {0};
    char *path = file_temporary(".checkpoint", &e);
    if (!path || checkpoint_write(s, t, command, path, &e))
        fail_msg("%s", e.text);
    return path;
}

static void read_state(const char *path, train_state *s, train_settings *t,
                       char **command)
{
    error e = {0};
    if (checkpoint_read(path, s, t, command, &e))
        fail_msg("%s", e.text);
}

/* BEFORE epochs, to disk and back, and on to the end: as if nothing had been. */
static void check_going_on(const char *optimizer, double sparsity, int before)
{
    dataset *d = support_phase_data(20, 16, 2);
    model *m = model_of(sparsity);
    train_settings t = settings_of(optimizer, 4), back;
    train_state broken, whole, again;
    char *command;
    error e = {0};
    assert_int_equal(train_start(&broken, m, &t, &e), E_OK);
    assert_int_equal(train_start(&whole, m, &t, &e), E_OK);
    run_epochs(&broken, &t, d, before);
    run_epochs(&whole, &t, d, 4);
    char *path = write_state(&broken, &t, "train m d epochs=4");
    read_state(path, &again, &back, &command);
    assert_string_equal(command, "train m d epochs=4");
    check_same_settings(&t, &back);
    check_same_state(&broken, &again);
    run_epochs(&again, &back, d, 4 - before);
    assert_true(graph_hash(again.last->graph) == graph_hash(whole.last->graph));
    assert_true(graph_hash(train_result(&again)->graph) ==
                graph_hash(train_result(&whole)->graph));
    check_same_slots(&again, &whole);
    assert_int_equal(again.best_epoch, whole.best_epoch);
    unlink(path);
    memory_free(path);
    memory_free(command);
    train_clear(&broken);
    train_clear(&whole);
    train_clear(&again);
    model_free(m);
    dataset_free(d);
}

static void test_going_on(void **state)
{
    (void)state;
    check_going_on("adam", 0, 2);
    check_going_on("sgd", 0.8, 1);
    check_going_on("rmsprop", 0.02, 3);
    check_going_on("adamw", 0, 0);
}

/* Numbers that JSON has not, and a best model that differs from the last. */
static void test_odd_numbers(void **state)
{
    (void)state;
    error e = {0};
    model *m = model_of(0.5);
    train_settings t = settings_of("adam", 3), back;
    train_state s, again;
    char *command;
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    s.best = model_of(0);
    s.best_loss = (double)INFINITY;
    t.clip = 0x1.fffffffffffffp-1022;
    t.plan.gamma = -0.1;
    t.plan.steps = INT64_MAX;
    tensor_write_f32(s.slots[0][1], &e)[0] = -0.0f;
    char *path = write_state(&s, &t, NULL);
    read_state(path, &again, &back, &command);
    assert_null(command);
    check_same_settings(&t, &back);
    check_same_state(&s, &again);
    unlink(path);
    memory_free(path);
    train_clear(&s);
    train_clear(&again);
    model_free(m);
}

/* While the best is the last, its tensors are in the file once. */
static void test_shared(void **state)
{
    (void)state;
    error e = {0};
    size_t length[2];
    model *m = model_of(0);
    train_settings t = settings_of("sgd", 3), back;
    train_state s, again;
    char *command;
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    for (int i = 0; i < 2; i++) {
        void *bytes;
        char *path = write_state(&s, &t, "train");
        assert_int_equal(file_read(path, 1 << 30, &bytes, &length[i], &e), E_OK);
        memory_free(bytes);
        if (i == 0)
            s.best = model_copy(s.last, &e);
        read_state(path, &again, &back, &command);
        if (i == 1)
            assert_true(tensor_is_shared(again.last->graph->parameters[0].data,
                                         again.best->graph->parameters[0].data));
        memory_free(command);
        train_clear(&again);
        unlink(path);
        memory_free(path);
    }
    size_t weights = 0;
    for (int i = 0; i < m->graph->parameter_count; i++)
        weights += tensor_bytes(m->graph->parameters[i].data);
    assert_true(length[1] < length[0] + weights);
    train_clear(&s);
    model_free(m);
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Cut or bent: a whole state or a sentence that names the file, and nothing leaks. */
static void try_bytes(const char *path, const unsigned char *bytes, size_t length)
{
    error e = {0};
    train_state s;
    train_settings t;
    char *command;
    write_bytes(path, bytes, length);
    status result = checkpoint_read(path, &s, &t, &command, &e);
    assert_int_equal(result, e.code);
    if (result) {
        assert_non_null(strstr(e.text, path));
        assert_null(s.last);
        assert_null(s.slots);
    }
    train_clear(&s);
    memory_free(command);
}

static void test_damage(void **state)
{
    (void)state;
    error e = {0};
    void *bytes;
    size_t length;
    dataset *d = support_phase_data(10, 16, 2);
    model *m = model_of(0.5);
    train_settings t = settings_of("adam", 3);
    train_state s;
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    run_epochs(&s, &t, d, 1);
    char *path = write_state(&s, &t, "train m d");
    assert_int_equal(file_read(path, 1 << 30, &bytes, &length, &e), E_OK);
    unsigned char *b = bytes;
    size_t header = (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16;
    for (int i = 0; i < 40; i++)
        try_bytes(path, b, length * (size_t)i / 40);
    random_stream r = random_new(3, "damage", 0);
    for (int i = 0; i < 600; i++) {
        size_t at = i % 3 ? 8 + (size_t)random_below(&r, (int64_t)header)
                          : (size_t)random_below(&r, (int64_t)length);
        unsigned char old = b[at];
        b[at] =
            (unsigned char)(i % 2 && old >= '0' && old <= '9' ? '0' + random_below(&r, 10)
                                                              : random_below(&r, 256));
        try_bytes(path, b, length);
        b[at] = old;
    }
    unlink(path);
    assert_null(model_read(path, &e));
    memory_free(path);
    memory_free(bytes);
    train_clear(&s);
    model_free(m);
    dataset_free(d);
}

/* A model's file is no checkpoint, nor the other way round. */
static void test_confusion(void **state)
{
    (void)state;
    error e = {0};
    model *m = model_of(0);
    train_settings t = settings_of("adam", 3), back;
    train_state s, again;
    char *command;
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    char *path = write_state(&s, &t, "train m d");
    assert_null(model_read(path, &e));
    assert_int_equal(e.code, E_FORMAT);
    assert_int_equal(model_write(m, path, &e), E_OK);
    assert_int_equal(checkpoint_read(path, &again, &back, &command, &e), E_FORMAT);
    assert_non_null(strstr(e.text, "lathe_checkpoint"));
    char *below = memory_format(&e, "%s/below", path);
    assert_int_equal(checkpoint_write(&s, &t, "", below, &e), E_FILE);
    memory_free(below);
    unlink(path);
    assert_int_equal(checkpoint_read(path, &again, &back, &command, NULL), E_FILE);
    memory_free(path);
    train_clear(&s);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_going_on),  cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_shared),    cmocka_unit_test(test_damage),
        cmocka_unit_test(test_confusion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
