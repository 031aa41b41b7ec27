/* SPDX-License-Identifier: GPL-3.0-or-later
   test_networks.c -- the networks that the bench measures: published counts, PyTorch's
   parameter names and outputs, and files of them. */
#include "support.h"

#include "base/memory.h"
#include "support_network.h"
#include "tests/bench/networks.h"

static void networks_match_the_reference(void **state)
{
    (void)state;
    for (int i = 0; network_at(i); i++) {
        const network *n = network_at(i);
        error e = {0};
        model *m = network_build(n, support_network_input(n->name), &e);
        if (!m)
            fail_msg("%s", e.text);
        assert_string_equal(m->architecture, n->name);
        support_network_check(m->graph, n->name);
        model_free(m);
    }
}

static void networks_have_the_published_counts(void **state)
{
    (void)state;
    for (int i = 0; network_at(i); i++) {
        error e = {0};
        model *m = network_build(network_at(i), (shape){0}, &e);
        if (!m)
            fail_msg("%s", e.text);
        assert_ptr_equal(network_find(m->architecture), network_at(i));
        model_free(m);
    }
    assert_null(network_find("unet"));
}

static void other_counts_are_refused(void **state)
{
    (void)state;
    error e = {0};
    network wrong = *network_find("swae-mlp");
    wrong.parameters++;
    assert_null(network_build(&wrong, (shape){0}, &e));
    assert_int_equal(e.code, E_NUMERIC);
    wrong.parameters--;
    wrong.multiply_adds *= 2;
    assert_null(network_build(&wrong, (shape){0}, &e));
    assert_int_equal(e.code, E_NUMERIC);
}

/* The seed decides, and no parameter is left at 0. */
static void drawn_parameters_follow_the_seed(void **state)
{
    (void)state;
    uint64_t hash[3];
    for (int i = 0; i < 3; i++) {
        model *m = network_build(network_find("cnn-mnist"), (shape){0}, NULL);
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
        cmocka_unit_test(networks_match_the_reference),
        cmocka_unit_test(networks_have_the_published_counts),
        cmocka_unit_test(other_counts_are_refused),
        cmocka_unit_test(drawn_parameters_follow_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
