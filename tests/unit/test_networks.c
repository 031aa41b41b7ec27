/* SPDX-License-Identifier: GPL-3.0-or-later
   test_networks.c -- the networks that the bench measures: that they are the zoo's, and
   their parameters. */
#include "support.h"

#include "tests/bench/networks.h"

static void networks_are_the_zoo_s(void **state)
{
    (void)state;
    for (int i = 0; network_at(i); i++) {
        error e = {0};
        model *m = network_build(network_at(i), 0, &e);
        if (!m)
            fail_msg("%s", e.text);
        assert_string_equal(m->architecture, network_at(i)->architecture);
        assert_ptr_equal(network_find(network_at(i)->name), network_at(i));
        assert_int_equal(m->input_transform.kind, TRANSFORM_NONE);
        model_free(m);
    }
    assert_null(network_find("unet"));
}

static void images_have_the_size_asked_for(void **state)
{
    (void)state;
    error e = {0};
    model *m = network_build(network_find("unet-phase"), 400, &e);
    assert_non_null(m);
    assert_int_equal(m->graph->input_shape.dim[0], 400);
    assert_int_equal(m->graph->input_shape.dim[1], 400);
    model_free(m);
    assert_null(network_build(network_find("unet-sid"), 100, &e));
    assert_int_equal(e.code, E_SHAPE);
}

/* The seed decides, and no parameter is left at 0. */
static void drawn_parameters_follow_the_seed(void **state)
{
    (void)state;
    uint64_t hash[3];
    for (int i = 0; i < 3; i++) {
        model *m = network_build(network_find("cnn-mnist"), 0, NULL);
        assert_non_null(m);
        assert_int_equal(network_draw(m, i < 2 ? 1 : 2, NULL), E_OK);
        hash[i] = graph_hash(m->graph);
        for (int k = 0; k < m->graph->parameter_count; k++)
            assert_true(parameter_nonzero(&m->graph->parameters[k]) > 0);
        model_free(m);
    }
    assert_true(hash[0] == hash[1]);
    assert_true(hash[0] != hash[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_the_zoo_s),
        cmocka_unit_test(images_have_the_size_asked_for),
        cmocka_unit_test(drawn_parameters_follow_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
