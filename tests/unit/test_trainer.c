/* SPDX-License-Identifier: GPL-3.0-or-later
   test_trainer.c -- trainings that learn, go on to the same bits, obey masks, stop early,
   survive NaN and a change of mind. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "support_phase.h"
#include "train/trainer_parts.h"

#define MODEL "channels=4 levels=2 size=16"

static train_settings settings_of(const char *optimizer, double rate, int64_t epochs)
{
    train_settings t = {.epochs = epochs, .batch = 4, .seed = 5};
    t.loss = loss_find("masked-mse");
    t.terms = loss_standard;
    t.optimizer = optimizer_find(optimizer);
    t.rates = t.optimizer->standard;
    t.rates.learning_rate = rate;
    t.schedule = schedule_find("cosine");
    return t;
}

typedef struct scene {
    model *m;
    dataset *d;
    train_settings t;
    train_state s;
    error e;
} scene;

static void open_scene(scene *c, train_settings t, int64_t samples)
{
    *c = (scene){.t = t};
    c->m = support_phase_model(MODEL, 1);
    c->d = support_phase_data(samples, 16, 2);
    assert_int_equal(train_start(&c->s, c->m, &c->t, &c->e), E_OK);
}

static void close_scene(scene *c)
{
    train_clear(&c->s);
    model_free(c->m);
    dataset_free(c->d);
}

static void run_epochs(scene *c, int64_t epochs)
{
    for (int64_t i = 0; i < epochs; i++)
        if (train_epoch(&c->s, &c->t, c->d, NULL, &c->e) != E_OK)
            fail_msg("%s", c->e.text);
}

/* Weights, statistics and optimizer state. */
static uint64_t hash_of(const train_state *s)
{
    uint64_t h = graph_hash(s->last->graph);
    for (int i = 0; i < s->last->graph->parameter_count; i++)
        for (int k = 0; s->slots[i] && k < s->slot_count; k++)
            h = tensor_hash(s->slots[i][k], h);
    return h;
}

static double val_loss(const scene *c, const model *m)
{
    double loss = NAN;
    train_settings t = c->t;
    t.batch = 8;
    assert_int_equal(train_loss(m, c->d, SPLIT_VAL, &t, &loss, NULL), E_OK);
    return loss;
}

static void batches_hold_every_sample_once(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 40; n++)
        for (int64_t batch = 1; batch < 12; batch++) {
            int64_t next = 0, begin, end, count = train_batch_count(n, batch);
            for (int64_t i = 0; i < count; i++) {
                train_batch_bounds(n, batch, i, &begin, &end);
                assert_int_equal(begin, next);
                assert_true(end > begin && end - begin <= batch + 1);
                assert_true(end - begin > 1 || batch == 1 || n == 1);
                next = end;
            }
            assert_int_equal(next, n);
        }
}

static void training_learns(void **state)
{
    (void)state;
    scene c;
    open_scene(&c, settings_of("adam", 1e-2, 15), 40);
    double before = val_loss(&c, c.m);
    uint64_t untouched = graph_hash(c.m->graph);
    while (!c.s.finished)
        run_epochs(&c, 1);
    assert_int_equal(c.s.epoch, 15);
    assert_int_equal(c.s.step, 15 * 6);
    assert_true(c.s.best_loss < 0.25 * before);
    /* What is kept is what the curve says, and the model given is as it was. */
    double kept = val_loss(&c, train_result(&c.s));
    assert_true(fabs(kept - c.s.best_loss) < 1e-5 * kept);
    assert_true(graph_hash(c.m->graph) == untouched);
    run_epochs(&c, 1);
    assert_int_equal(c.s.epoch, 15);
    close_scene(&c);
}

static void curves_are_recorded(void **state)
{
    (void)state;
    scene c;
    open_scene(&c, settings_of("adam", 1e-2, 5), 30);
    run_epochs(&c, 5);
    const model *m = train_result(&c.s);
    int64_t best = 0;
    assert_int_equal(m->epoch_count, 5);
    assert_int_equal(c.s.last->epoch_count, 5);
    for (int64_t i = 0; i < 5; i++) {
        const epoch_row *row = &m->epochs[i];
        assert_int_equal(row->epoch, i + 1);
        assert_true(row->train_loss > 0 && row->val_loss >= c.s.best_loss);
        assert_true(row->learning_rate > 0 && row->learning_rate <= 1e-2);
        assert_true(row->seconds >= 0);
        best += row->best ? row->epoch : 0;
        assert_true(row->best == c.s.last->epochs[i].best);
    }
    assert_int_equal(best, c.s.best_epoch);
    /* A second training goes on counting, and the mark moves. */
    train_state again;
    assert_int_equal(train_start(&again, m, &c.t, &c.e), E_OK);
    assert_int_equal(train_epoch(&again, &c.t, c.d, NULL, &c.e), E_OK);
    m = train_result(&again);
    assert_int_equal(m->epoch_count, 6);
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(m->epochs[i].epoch, i + 1);
        assert_true(m->epochs[i].best == (i == 5));
    }
    train_clear(&again);
    close_scene(&c);
}

static void best_shares_with_last(void **state)
{
    (void)state;
    scene c;
    open_scene(&c, settings_of("adam", 1e-2, 3), 20);
    run_epochs(&c, 1);
    assert_int_equal(c.s.best_epoch, 1);
    for (int i = 0; i < c.m->graph->parameter_count; i++)
        assert_true(tensor_is_shared(c.s.last->graph->parameters[i].data,
                                     c.s.best->graph->parameters[i].data));
    uint64_t kept = graph_hash(c.s.best->graph);
    double loss;
    const int64_t index[2] = {0, 1};
    assert_int_equal(train_step(&c.s, &c.t, c.d, index, 2, &loss, &c.e), E_OK);
    assert_true(graph_hash(c.s.best->graph) == kept);
    assert_true(graph_hash(c.s.last->graph) != kept);
    close_scene(&c);
}

static void without_validation_the_last_is_kept(void **state)
{
    (void)state;
    scene c;
    open_scene(&c, settings_of("sgd", 1e-2, 3), 20);
    for (int64_t i = 0; i < c.d->count; i++)
        c.d->split[i] = SPLIT_TRAIN;
    run_epochs(&c, 2);
    assert_ptr_equal(train_result(&c.s), c.s.last);
    assert_int_equal(c.s.best_epoch, 0);
    assert_true(isnan(c.s.last->epochs[1].val_loss));
    assert_false(c.s.last->epochs[0].best);
    assert_true(c.s.last->epochs[1].best);
    close_scene(&c);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    uint64_t hash[2];
    double loss[2];
    for (int k = 0; k < 2; k++) {
        scene c;
        cpu_set_threads(k + 1);
        train_settings t = settings_of("adam", 1e-2, 3);
        t.clip = 0.05;
        open_scene(&c, t, 35);
        run_epochs(&c, 3);
        hash[k] = hash_of(&c.s);
        loss[k] = c.s.best_loss;
        close_scene(&c);
    }
    cpu_set_threads(0);
    assert_true(hash[0] == hash[1]);
    assert_memory_equal(&loss[0], &loss[1], sizeof loss[0]);
}

/* What a checkpoint holds of S: everything but the cache. */
static train_state copy_state(const train_state *s)
{
    train_state copy = *s;
    const graph *g = s->last->graph;
    copy.cache = NULL;
    copy.last = model_copy(s->last, NULL);
    copy.best = s->best ? model_copy(s->best, NULL) : NULL;
    copy.slots = memory_new(g->parameter_count, sizeof *copy.slots, NULL);
    for (int i = 0; i < g->parameter_count; i++) {
        if (!s->slots[i])
            continue;
        copy.slots[i] = memory_new(s->slot_count, sizeof *copy.slots[i], NULL);
        for (int k = 0; k < s->slot_count; k++)
            copy.slots[i][k] = tensor_share(s->slots[i][k], NULL);
    }
    return copy;
}

static void resumed_training_has_the_same_bits(void **state)
{
    (void)state;
    static const char *const optimizers[] = {"adam", "sgd", "rmsprop"};
    for (int k = 0; k < 3; k++) {
        scene c;
        train_settings t = settings_of(optimizers[k], 5e-3, 4);
        t.rates.momentum = 0.9;
        t.plan.warmup = 5;
        open_scene(&c, t, 25);
        run_epochs(&c, 2);
        train_state saved = copy_state(&c.s);
        run_epochs(&c, 2);
        uint64_t unbroken = hash_of(&c.s);
        double best = c.s.best_loss;
        train_clear(&c.s);
        c.s = saved;
        run_epochs(&c, 2);
        assert_true(hash_of(&c.s) == unbroken);
        assert_true(c.s.best_loss == best);
        assert_true(c.s.finished);
        close_scene(&c);
    }
}

static void prune_half(graph *g)
{
    for (int i = 0; i < g->parameter_count; i++) {
        parameter *p = &g->parameters[i];
        if (p->role != ROLE_WEIGHT && p->role != ROLE_SCALE)
            continue;
        random_stream r = random_new(9, "mask", (uint64_t)i);
        p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), NULL);
        uint8_t *mask = tensor_write(p->mask, NULL);
        for (int64_t k = 0; k < tensor_count(p->mask); k++)
            mask[k] = random_uniform(&r) < 0.5;
    }
}

static void check_masked(const train_state *s, const graph *start)
{
    int64_t moved = 0;
    for (int i = 0; i < start->parameter_count; i++) {
        const parameter *p = &s->last->graph->parameters[i];
        const float *was = tensor_f32(start->parameters[i].data);
        for (int64_t k = 0; p->mask && k < tensor_count(p->data); k++) {
            if (((const uint8_t *)tensor_data(p->mask))[k]) {
                moved += tensor_f32(p->data)[k] != was[k];
                continue;
            }
            assert_true(tensor_f32(p->data)[k] == 0);
            for (int j = 0; j < s->slot_count; j++)
                assert_true(tensor_f32(s->slots[i][j])[k] == 0);
        }
    }
    assert_true(moved > 1000);
}

static void masked_weights_stay_zero(void **state)
{
    (void)state;
    for (int k = 0; optimizer_at(k); k++) {
        train_settings t = settings_of(optimizer_at(k)->name, 1e-2, 2);
        t.rates.momentum = 0.9;
        t.rates.weight_decay = 1e-2;
        t.clip = 1;
        scene c;
        open_scene(&c, t, 20);
        train_clear(&c.s);
        prune_half(c.m->graph);
        assert_int_equal(train_start(&c.s, c.m, &c.t, &c.e), E_OK);
        run_epochs(&c, 2);
        check_masked(&c.s, c.m->graph);
        close_scene(&c);
    }
}

/* Validation targets turned round: what is learnt makes them worse. */
static void training_stops_early(void **state)
{
    (void)state;
    train_settings t = settings_of("adam", 1e-2, 40);
    t.patience = 3;
    scene c;
    open_scene(&c, t, 30);
    float *target = tensor_write_f32(c.d->target, NULL);
    for (int64_t i = 0; i < tensor_count(c.d->target); i++)
        if (c.d->split[i / (16 * 16 * 2)] == SPLIT_VAL)
            target[i] *= -1;
    while (!c.s.finished)
        run_epochs(&c, 1);
    assert_true(c.s.epoch < 40);
    assert_int_equal(c.s.stale, 3);
    assert_int_equal(c.s.best_epoch, c.s.epoch - 3);
    assert_ptr_equal(train_result(&c.s), c.s.best);
    assert_true(graph_hash(c.s.best->graph) != graph_hash(c.s.last->graph));
    assert_int_equal(c.s.best->epoch_count, c.s.epoch);
    assert_true(c.s.best->epochs[c.s.best_epoch - 1].best);
    double kept = val_loss(&c, c.s.best);
    assert_true(fabs(kept - c.s.best_loss) < 1e-5 * kept);
    close_scene(&c);
}

static void not_a_number_keeps_the_last_good_epoch(void **state)
{
    (void)state;
    static const split_kind where[] = {SPLIT_TRAIN, SPLIT_VAL};
    for (int k = 0; k < 2; k++) {
        scene c;
        open_scene(&c, settings_of("adam", 1e-2, 5), 20);
        run_epochs(&c, 1);
        uint64_t good = hash_of(&c.s);
        int64_t step = c.s.step, at = 0;
        while (c.d->split[at] != where[k])
            at++;
        tensor_write_f32(c.d->target, NULL)[at * 512 + 300] = NAN;
        assert_int_equal(train_epoch(&c.s, &c.t, c.d, NULL, &c.e), E_NUMERIC);
        assert_non_null(strstr(c.e.text, "epoch 2"));
        assert_non_null(strstr(c.e.text, k == 0 ? "batch" : "validation"));
        assert_true(hash_of(&c.s) == good);
        assert_int_equal(c.s.epoch, 1);
        assert_int_equal(c.s.step, step);
        assert_int_equal(c.s.last->epoch_count, 1);
        /* With sound data it goes on. */
        tensor_write_f32(c.d->target, NULL)[at * 512 + 300] = 0;
        run_epochs(&c, 1);
        assert_int_equal(c.s.epoch, 2);
        close_scene(&c);
    }
}

static void divergence_is_noticed(void **state)
{
    (void)state;
    scene c;
    open_scene(&c, settings_of("sgd", 1e30, 5), 20);
    assert_int_equal(train_epoch(&c.s, &c.t, c.d, NULL, &c.e), E_NUMERIC);
    assert_true(graph_hash(c.s.last->graph) == graph_hash(c.m->graph));
    assert_true(c.e.hint[0]);
    close_scene(&c);
}

typedef struct watcher {
    volatile sig_atomic_t cancel;
    int at; /* cancels after so many reports; 0: never */
    int reports, milestones;
    progress last;
} watcher;

static void watch(void *context, const progress *p)
{
    watcher *w = context;
    w->reports++;
    w->milestones += p->milestone;
    w->last = *p;
    if (w->at && w->reports == w->at)
        w->cancel = 1;
}

static void progress_is_told(void **state)
{
    (void)state;
    scene c;
    watcher w = {0};
    task t = {watch, &w, &w.cancel};
    open_scene(&c, settings_of("adam", 1e-2, 2), 20);
    assert_int_equal(train_epoch(&c.s, &c.t, c.d, &t, &c.e), E_OK);
    assert_int_equal(w.reports, 3 + 1 + 1); /* 12 samples, 4 validated, the epoch's end */
    assert_int_equal(w.milestones, 1);
    assert_string_equal(w.last.stage, "train");
    assert_string_equal(w.last.unit, "batch");
    assert_int_equal(w.last.done, 3);
    assert_int_equal(w.last.total, 3);
    assert_int_equal(w.last.epoch, 1);
    assert_int_equal(w.last.epochs, 2);
    assert_true(w.last.loss == c.s.last->epochs[0].train_loss);
    assert_true(w.last.metric == c.s.last->epochs[0].val_loss);
    close_scene(&c);
}

static void a_stop_keeps_what_was_reached(void **state)
{
    (void)state;
    scene c;
    watcher w = {.at = 2};
    task t = {watch, &w, &w.cancel};
    open_scene(&c, settings_of("adam", 1e-2, 5), 30);
    assert_int_equal(train_epoch(&c.s, &c.t, c.d, &t, &c.e), E_STOPPED);
    assert_int_equal(w.reports, 2);
    assert_int_equal(c.s.epoch, 0);
    assert_int_equal(c.s.step, 0);
    assert_true(graph_hash(train_result(&c.s)->graph) != graph_hash(c.m->graph));
    train_clear(&c.s);
    /* Behind a whole epoch: that epoch. */
    assert_int_equal(train_start(&c.s, c.m, &c.t, &c.e), E_OK);
    run_epochs(&c, 1);
    uint64_t good = hash_of(&c.s);
    for (int at = 1; at < 8; at++) { /* 5 batches of training, 2 of validation */
        w = (watcher){.at = at};
        status code = train_epoch(&c.s, &c.t, c.d, &t, &c.e);
        if (at < 7) {
            assert_int_equal(code, E_STOPPED);
            assert_true(hash_of(&c.s) == good);
            assert_int_equal(c.s.epoch, 1);
        } else {
            assert_int_equal(code, E_OK); /* all was done when it was asked */
        }
    }
    close_scene(&c);
}

static void stopped_and_resumed_has_the_same_bits(void **state)
{
    (void)state;
    scene c;
    open_scene(&c, settings_of("adam", 1e-2, 3), 30);
    run_epochs(&c, 3);
    uint64_t unbroken = hash_of(&c.s);
    train_clear(&c.s);
    assert_int_equal(train_start(&c.s, c.m, &c.t, &c.e), E_OK);
    run_epochs(&c, 1);
    watcher w = {.at = 3};
    task t = {watch, &w, &w.cancel};
    assert_int_equal(train_epoch(&c.s, &c.t, c.d, &t, &c.e), E_STOPPED);
    run_epochs(&c, 2);
    assert_true(hash_of(&c.s) == unbroken);
    close_scene(&c);
}

/* Distance that all weights went together in one step. */
static double distance(const graph *a, const graph *b)
{
    double squares = 0;
    for (int i = 0; i < a->parameter_count; i++)
        for (int64_t k = 0; parameter_is_trained(&a->parameters[i]) &&
                            k < tensor_count(a->parameters[i].data);
             k++) {
            double d = (double)tensor_f32(a->parameters[i].data)[k] -
                       (double)tensor_f32(b->parameters[i].data)[k];
            squares += d * d;
        }
    return sqrt(squares);
}

static void clipping_limits_the_step(void **state)
{
    (void)state;
    const int64_t index[4] = {0, 1, 2, 3};
    const double limits[3] = {0, 0.02, 1e6};
    double gone[3], loss;
    for (int k = 0; k < 3; k++) {
        scene c;
        train_settings t = settings_of("sgd", 1, 1);
        t.schedule = schedule_find("constant");
        t.clip = limits[k];
        open_scene(&c, t, 20);
        assert_int_equal(train_step(&c.s, &c.t, c.d, index, 4, &loss, &c.e), E_OK);
        gone[k] = distance(c.s.last->graph, c.m->graph);
        close_scene(&c);
    }
    assert_true(gone[0] > 0.05);
    assert_true(fabs(gone[1] - 0.02) < 1e-4 * 0.02);
    assert_true(gone[2] == gone[0]);
}

static void what_cannot_be_trained_is_told(void **state)
{
    (void)state;
    scene c;
    open_scene(&c, settings_of("adam", 1e-2, 5), 20);
    /* nothing to train on */
    memset(c.d->split, 0, (size_t)c.d->count);
    assert_int_equal(train_epoch(&c.s, &c.t, c.d, NULL, &c.e), E_USAGE);
    assert_non_null(strstr(c.e.hint, "split"));
    /* labels wanted, fields found */
    memset(c.d->split, SPLIT_TRAIN, (size_t)c.d->count);
    c.t.loss = loss_find("cross-entropy");
    assert_int_equal(train_epoch(&c.s, &c.t, c.d, NULL, &c.e), E_SHAPE);
    c.t.loss = loss_find("mse");
    dataset *larger = support_phase_data(20, 17, 2);
    assert_int_equal(train_epoch(&c.s, &c.t, larger, NULL, &c.e), E_SHAPE);
    assert_non_null(strstr(c.e.hint, "built for 16x16x1"));
    assert_int_equal(c.s.epoch, 0);
    run_epochs(&c, 1); /* and still it can */
    train_state other;
    c.t.batch = 0;
    assert_int_equal(train_start(&other, c.m, &c.t, &c.e), E_RANGE);
    c.t.batch = 4;
    parameter *p = &c.m->graph->parameters[0]; /* kept as codes */
    p->quantizer = quantizer_new(8, PER_TENSOR, 1, NULL);
    p->codes = tensor_new(DTYPE_S8, tensor_shape(p->data), NULL);
    assert_non_null(p->codes);
    assert_int_equal(train_start(&other, c.m, &c.t, &c.e), E_USAGE);
    assert_non_null(strstr(c.e.text, "inc.0.weight"));
    train_clear(&other);
    dataset_free(larger);
    close_scene(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_hold_every_sample_once),
        cmocka_unit_test(training_learns),
        cmocka_unit_test(curves_are_recorded),
        cmocka_unit_test(best_shares_with_last),
        cmocka_unit_test(without_validation_the_last_is_kept),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(resumed_training_has_the_same_bits),
        cmocka_unit_test(masked_weights_stay_zero),
        cmocka_unit_test(training_stops_early),
        cmocka_unit_test(not_a_number_keeps_the_last_good_epoch),
        cmocka_unit_test(divergence_is_noticed),
        cmocka_unit_test(progress_is_told),
        cmocka_unit_test(a_stop_keeps_what_was_reached),
        cmocka_unit_test(stopped_and_resumed_has_the_same_bits),
        cmocka_unit_test(clipping_limits_the_step),
        cmocka_unit_test(what_cannot_be_trained_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
