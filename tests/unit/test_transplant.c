/* SPDX-License-Identifier: GPL-3.0-or-later
   test_transplant.c -- layers put from one version of a model into another: the whole model
   is there again to the last bit, or nothing fits. */
#include "support.h"
#include "support_graph.h"

#include "compress/transplant.h"

enum { SIZE = 12 };

static model *unet(uint64_t seed)
{
    graph *g = support_unet(SIZE);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    assert_non_null(m);
    return m;
}

/* One number of the layer NAME is another in a copy: putting that layer back gives the
   model itself, and no other layer differs. */
static void one_layer_comes_back(void **state)
{
    (void)state;
    model *m = unet(1), *worse = model_copy(m, NULL);
    const int node = graph_find_node(m->graph, "down.0");
    parameter *p = graph_parameter(worse->graph, &worse->graph->nodes[node], ROLE_WEIGHT);
    tensor_write_f32(p->data, NULL)[5] += 1;
    p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), NULL);
    assert_true(graph_hash(worse->graph) != graph_hash(m->graph));
    for (int i = 0; i < m->graph->node_count; i++)
        assert_int_equal(transplant_look(worse, m, i),
                         i == node ? TRANSPLANT_FITS : TRANSPLANT_SAME);
    const uint64_t before = graph_hash(worse->graph);
    model *healed = transplant(worse, m, node, NULL);
    assert_non_null(healed);
    assert_true(graph_hash(healed->graph) == graph_hash(m->graph));
    assert_true(graph_hash(worse->graph) == before); /* neither was touched */
    model_free(healed);
    model_free(worse);
    model_free(m);
}

static void other_shapes_and_types_are_alien(void **state)
{
    (void)state;
    model *m = unet(1), *other = unet(2);
    const int conv = graph_find_node(m->graph, "inc.0");
    const int norm = graph_find_node(m->graph, "inc.1");
    parameter *p = graph_parameter(other->graph, &other->graph->nodes[conv], ROLE_WEIGHT);
    assert_int_equal(transplant_look(m, other, conv), TRANSPLANT_FITS);
    tensor_free(p->data);
    p->data = tensor_new(
        DTYPE_F32, shape_of(4, (int64_t)3, (int64_t)3, (int64_t)3, (int64_t)1), NULL);
    assert_int_equal(transplant_look(m, other, conv), TRANSPLANT_ALIEN);
    p = graph_parameter(other->graph, &other->graph->nodes[norm], ROLE_SCALE);
    assert_int_equal(transplant_look(m, other, norm), TRANSPLANT_FITS);
    p->quantizer = quantizer_new(8, PER_TENSOR, 1, NULL);
    assert_int_equal(transplant_look(m, other, norm), TRANSPLANT_ALIEN);
    graph *small = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, (int64_t)1), NULL);
    support_block(small, "else", small->input, 4);
    model *stranger = model_new(small, NULL);
    assert_int_equal(transplant_look(m, stranger, conv), TRANSPLANT_ALIEN);
    const int relu = graph_find_node(m->graph, "inc.2"); /* it has no numbers */
    assert_int_equal(transplant_look(m, stranger, relu), TRANSPLANT_SAME);
    model_free(stranger);
    model_free(other);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_layer_comes_back),
        cmocka_unit_test(other_shapes_and_types_are_alien),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
