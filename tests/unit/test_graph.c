/* SPDX-License-Identifier: GPL-3.0-or-later
   test_graph.c -- graphs and models: building, copying, editing, counting. */
#include "support.h"

#include <string.h>
#include "base/memory.h"
#include "graph/model.h"
#include "graph/operator.h"
#include "support_graph.h"

static void counts_are_those_of_the_layers(void **state)
{
    (void)state;
    graph *g = support_unet(16);
    /* (9*1+1)*4 + 2*4, (9*4+1)*6 + 2*6, (9*10+1)*5 + 2*5, (5+1)*2 */
    assert_int_equal(graph_parameter_count(g), 48 + 234 + 465 + 12);
    int64_t products = 256 * 9 * 4 + 64 * 36 * 6 + 256 * 90 * 5 + 256 * 10;
    assert_int_equal(graph_multiply_adds(g, g->input_shape, NULL), products);
    assert_int_equal(graph_nonzero(g), 0);
    support_fill(g, 1);
    assert_int_equal(graph_nonzero(g), graph_parameter_count(g));
    assert_int_equal(graph_find_parameter(g, "down.1.running_var") >= 0, true);
    assert_int_equal(graph_find_parameter(g, "nothing"), -1);
    graph_free(g);
}

static void a_copy_shares_until_written(void **state)
{
    (void)state;
    graph *g = support_unet(16);
    support_fill(g, 1);
    size_t before = memory_in_use();
    graph *copy = graph_copy(g, NULL);
    assert_true(memory_in_use() - before < 64 * 1024);
    assert_true(graph_hash(copy) == graph_hash(g));
    assert_true(tensor_is_shared(copy->parameters[0].data, g->parameters[0].data));
    tensor_write_f32(copy->parameters[0].data, NULL)[0] += 1.0f;
    assert_false(tensor_is_shared(copy->parameters[0].data, g->parameters[0].data));
    assert_true(graph_hash(copy) != graph_hash(g));
    graph_free(copy);
    graph_free(g);
}

static void methods_go_with_copies_and_out_of_the_hash(void **state)
{
    (void)state;
    graph *g = support_unet(16);
    uint64_t hash = graph_hash(g);
    assert_int_equal(node_set_method(&g->nodes[0], "gather", NULL), E_OK);
    assert_int_equal(node_set_method(&g->nodes[0], "some-other", NULL), E_OK);
    assert_true(graph_hash(g) == hash);
    graph *copy = graph_copy(g, NULL);
    assert_string_equal(copy->nodes[0].method, "some-other");
    graph_forget_methods(g);
    assert_null(g->nodes[0].method);
    assert_string_equal(copy->nodes[0].method, "some-other");
    graph_free(copy);
    graph_free(g);
}

static void bypass_keeps_the_graph_sound(void **state)
{
    (void)state;
    graph *g = support_unet(16);
    support_fill(g, 1);
    int parameters = g->parameter_count, nodes = g->node_count;
    assert_int_equal(graph_bypass(g, graph_find_node(g, "down.1"), NULL), E_OK);
    assert_int_equal(g->node_count, nodes - 1);
    assert_int_equal(g->parameter_count, parameters - 4);
    assert_int_equal(graph_find_parameter(g, "down.1.weight"), -1);
    const node *out = &g->nodes[graph_find_node(g, "out")];
    assert_string_equal(graph_parameter(g, out, ROLE_WEIGHT)->name, "out.weight");
    for (int i = 0; i < g->node_count; i++)
        assert_int_equal(g->values[g->nodes[i].output].producer, i);
    shape shapes[64];
    assert_int_equal(graph_shapes(g, 2, g->input_shape, shapes, NULL), E_OK);
    assert_int_equal(shapes[g->output].dim[3], 2);
    /* The last node too: the output is then what it read. */
    assert_int_equal(graph_bypass(g, g->node_count - 1, NULL), E_OK);
    assert_int_equal(graph_shapes(g, 2, g->input_shape, shapes, NULL), E_OK);
    assert_int_equal(shapes[g->output].dim[3], 5);
    graph_free(g);
}

static void insert_moves_the_others_up(void **state)
{
    (void)state;
    graph *g = support_unet(16);
    int at = graph_find_node(g, "pool");
    int input = g->nodes[at].inputs[0], output = g->output;
    int v = graph_insert(g, at, "sigmoid", "extra", NULL, &input, 1, NULL);
    assert_true(v >= 0);
    assert_int_equal(g->output, output);
    g->nodes[at + 1].inputs[0] = v;
    assert_string_equal(g->nodes[at + 1].name, "pool");
    shape shapes[64];
    assert_int_equal(graph_shapes(g, 1, g->input_shape, shapes, NULL), E_OK);
    for (int i = 0; i < g->node_count; i++)
        assert_int_equal(g->values[g->nodes[i].output].producer, i);
    graph_free(g);
}

static void bad_nodes_leave_the_graph_alone(void **state)
{
    (void)state;
    graph *g = support_unet(16);
    uint64_t hash = graph_hash(g);
    error e = {0};
    int input = g->input, bad = 999;
    attributes huge = support_convolution(4, 99);
    huge.padding[1] = huge.padding[2] = 0;
    assert_int_equal(graph_add(g, "no-such", "x", NULL, &input, 1, &e), -1);
    assert_int_equal(e.code, E_NAME);
    assert_int_equal(graph_add(g, "relu", "x", NULL, &bad, 1, &e), -1);
    assert_int_equal(e.code, E_SHAPE);
    assert_int_equal(graph_add(g, "conv2d", "x", &huge, &input, 1, &e), -1);
    assert_int_equal(e.code, E_SHAPE);
    assert_non_null(strstr(e.text, "x"));
    assert_true(graph_hash(g) == hash);
    graph_free(g);
}

static void masks_are_obeyed(void **state)
{
    (void)state;
    graph *g = support_unet(16);
    support_fill(g, 1);
    parameter *p = &g->parameters[graph_find_parameter(g, "down.0.weight")];
    p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), NULL);
    uint8_t *mask = tensor_write(p->mask, NULL);
    for (int64_t i = 0; i < tensor_count(p->data); i++)
        mask[i] = i % 3 == 0;
    int64_t all = graph_nonzero(g), n = tensor_count(p->data);
    graph *copy = graph_copy(g, NULL);
    assert_int_equal(graph_apply_masks(g, NULL), E_OK);
    assert_int_equal(graph_nonzero(g), all - (n - (n + 2) / 3));
    assert_int_equal(graph_nonzero(copy), all);
    graph_free(copy);
    graph_free(g);
}

static void models_remember(void **state)
{
    (void)state;
    model *m = model_new(support_unet(16), NULL);
    assert_int_equal(model_add_step(m, "prune m", "half", NULL), E_OK);
    assert_int_equal(model_add_epoch(m, (epoch_row){.epoch = 1, .best = true}, NULL),
                     E_OK);
    model *copy = model_copy(m, NULL);
    model_free(m);
    assert_int_equal(copy->step_count, 1);
    assert_string_equal(copy->steps[0].command, "prune m");
    assert_true(copy->steps[0].hash == graph_hash(copy->graph));
    assert_int_equal(copy->epoch_count, 1);
    model_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_layers),
        cmocka_unit_test(a_copy_shares_until_written),
        cmocka_unit_test(methods_go_with_copies_and_out_of_the_hash),
        cmocka_unit_test(bypass_keeps_the_graph_sound),
        cmocka_unit_test(insert_moves_the_others_up),
        cmocka_unit_test(bad_nodes_leave_the_graph_alone),
        cmocka_unit_test(masks_are_obeyed),
        cmocka_unit_test(models_remember),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
