/* SPDX-License-Identifier: GPL-3.0-or-later
   test_weight_taker.c -- gradients of large weights handed over in pieces: each number
   exactly once and with the bits that it has where the gradient stands as a whole, and
   training that ends with the same bits. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/plan.h"
#include "support_phase.h"
#include "train/trainer.h"

/* Images of 16, 8, 4 and 2 pixels; half of the layers have weights that leave caches. */
#define MODEL "channels=64 levels=3 size=16"

enum { BATCH = 8, SIZE = 16, LARGE_LEAST = 5 };

/* ---- what backward hands over ---- */

typedef struct collection {
    const graph *g;
    float **of; /* [parameter]; NULL: it came as a whole */
    int offered, at;
} collection;

/* Every number was NaN: one that comes twice would be seen. */
static void take_piece(void *context, int64_t first, int64_t count, const float *gradient)
{
    const collection *c = context;
    float *to = c->of[c->at] + first;
    for (int64_t i = 0; i < count; i++) {
        assert_true(isnan(to[i]));
        to[i] = gradient[i];
    }
}

static bool offer(void *context, int number, weight_taker *out)
{
    collection *c = context;
    int64_t n = tensor_count(c->g->parameters[number].data);
    c->offered++;
    c->at = number;
    c->of[number] = memory_new_raw(n, sizeof(float), NULL);
    memset(c->of[number], 0xff, (size_t)n * sizeof(float));
    *out = (weight_taker){take_piece, c};
    return true;
}

static status take_whole(void *context, int number, float *gradient, error *e)
{
    const collection *c = context;
    (void)gradient;
    (void)e;
    assert_null(c->of[number]);
    return E_OK;
}

static plan *training_plan(const model *m, precision p, bool passing)
{
    plan *t = plan_new_training(m->graph, BATCH, m->graph->input_shape, NULL);
    assert_non_null(t);
    assert_int_equal(plan_set_precision(t, p, NULL), E_OK);
    if (passing)
        assert_int_equal(plan_pass_gradients(t, NULL), E_OK);
    return t;
}

/* Forward on random pixels, and a random gradient of the output. */
static void run_forward(plan *p)
{
    random_stream r = random_new(4, "pixels", 0);
    shape out = plan_output_shape(p);
    random_fill_uniform(&r, plan_input(p), (int64_t)BATCH * SIZE * SIZE, 0, 1);
    assert_int_equal(plan_forward(p, 1, 0, NULL), E_OK);
    random_fill_uniform(&r, plan_output_gradient(p), shape_count(out), -1, 1);
}

static void check_pieces(precision precision, int threads)
{
    model *m = support_phase_model(MODEL, 1), *other = model_copy(m, NULL);
    collection c = {.g = other->graph};
    c.of = memory_new(c.g->parameter_count, sizeof *c.of, NULL);
    cpu_set_threads(threads);
    plan *kept = training_plan(m, precision, false);
    plan *passing = training_plan(other, precision, true);
    run_forward(kept);
    assert_int_equal(plan_backward(kept, NULL), E_OK);
    run_forward(passing);
    assert_int_equal(
        plan_backward_passing(passing, &(plan_taker){take_whole, offer, &c}, NULL), E_OK);
    assert_true(c.offered >= LARGE_LEAST);
    for (int i = 0; i < c.g->parameter_count; i++)
        if (c.of[i])
            assert_memory_equal(c.of[i], plan_gradient(kept, i),
                                tensor_bytes(c.g->parameters[i].data));
    for (int i = 0; i < c.g->parameter_count; i++)
        memory_free(c.of[i]);
    memory_free(c.of);
    plan_free(kept);
    plan_free(passing);
    model_free(m);
    model_free(other);
    cpu_set_threads(0);
}

static void pieces_have_the_bits_of_the_whole(void **state)
{
    (void)state;
    check_pieces(PRECISION_F32, 1);
    check_pieces(PRECISION_F32, 2);
    check_pieces(PRECISION_BF16, 2);
}

/* ---- training ---- */

static void mask_some(graph *g)
{
    for (int i = 0; i < g->parameter_count; i++) {
        parameter *p = &g->parameters[i];
        if (p->role != ROLE_WEIGHT)
            continue;
        p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), NULL);
        uint8_t *mask = tensor_write(p->mask, NULL);
        for (int64_t k = 0; k < tensor_count(p->mask); k++)
            mask[k] = k % 7 != 3;
    }
}

/* The weights and the optimizer's state after two steps. */
static uint64_t trained(const char *optimizer, double clip, bool masked)
{
    train_settings t = {.epochs = 1, .batch = BATCH, .seed = 5, .clip = clip};
    t.loss = loss_find("masked-mse");
    t.terms = loss_standard;
    t.optimizer = optimizer_find(optimizer);
    t.rates = t.optimizer->standard;
    t.rates.momentum = 0.9;
    t.schedule = schedule_find("constant");
    const int64_t index[BATCH] = {0, 1, 2, 3, 4, 5, 6, 7};
    model *m = support_phase_model(MODEL, 1);
    dataset *d = support_phase_data(BATCH, SIZE, 2);
    train_state s = {0};
    double loss;
    if (masked)
        mask_some(m->graph);
    assert_int_equal(train_start(&s, m, &t, NULL), E_OK);
    for (int step = 0; step < 2; step++)
        assert_int_equal(train_step(&s, &t, d, index, BATCH, &loss, NULL), E_OK);
    uint64_t h = graph_hash(s.last->graph);
    for (int i = 0; i < s.last->graph->parameter_count; i++)
        for (int k = 0; s.slots[i] && k < s.slot_count; k++)
            h = tensor_hash(s.slots[i][k], h);
    train_clear(&s);
    model_free(m);
    dataset_free(d);
    return h;
}

/* A limit that nothing reaches wants all gradients at once, and changes none. */
static void training_ends_with_the_same_bits(void **state)
{
    static const char *const optimizers[] = {"adam", "sgd"};
    (void)state;
    for (int i = 0; i < 2; i++)
        for (int masked = 0; masked < 2; masked++)
            assert_true(trained(optimizers[i], 0, masked) ==
                        trained(optimizers[i], 1e9, masked));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_have_the_bits_of_the_whole),
        cmocka_unit_test(training_ends_with_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
