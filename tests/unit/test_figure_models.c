/* SPDX-License-Identifier: GPL-3.0-or-later
   test_figure_models.c -- figures of models: bars of layers, histograms that move, and
   confusions, against numbers that are known beforehand. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "support.h"
#include "support_figure.h"
#include "support_graph.h"
#include "base/file.h"
#include "base/memory.h"

enum { CLASSES = 3, SAMPLES = 6 };

static session *s;

/* conv 1 -> 4 (3x3) and conv 4 -> 2 (3x3): 40 and 74 parameters. */
static model *make_net(int64_t zeros)
{
    graph *g = graph_new(shape_of(3, (int64_t)8, (int64_t)8, (int64_t)1), NULL);
    attributes first = support_convolution(4, 3), second = support_convolution(2, 3);
    int v = graph_add(g, "conv2d", "first", &first, &g->input, 1, NULL);
    v = graph_add(g, "relu", "act", NULL, &v, 1, NULL);
    v = graph_add(g, "conv2d", "second", &second, &v, 1, NULL);
    assert_true(v >= 0);
    support_fill(g, 3);
    parameter *p = graph_parameter(g, &g->nodes[2], ROLE_WEIGHT);
    float *w = tensor_write_f32(p->data, NULL);
    for (int64_t i = 0; i < zeros; i++)
        w[i] = 0;
    model *m = model_new(g, NULL);
    char command[64];
    snprintf(command, sizeof command, "prune m zeros=%lld", (long long)zeros);
    assert_int_equal(model_add_step(m, command, "", NULL), E_OK);
    return m;
}

/* A classifier that says the place of the largest input. */
static model *make_identity(void)
{
    graph *g = graph_new(shape_of(3, (int64_t)1, (int64_t)1, (int64_t)CLASSES), NULL);
    attributes linear = {.channels = CLASSES, .bias = true};
    int v = graph_add(g, "flatten", "flat", NULL, &g->input, 1, NULL);
    v = graph_add(g, "linear", "out", &linear, &v, 1, NULL);
    assert_true(v >= 0);
    parameter *p = graph_parameter(g, &g->nodes[1], ROLE_WEIGHT);
    float *w = tensor_write_f32(p->data, NULL);
    for (int i = 0; i < CLASSES; i++)
        w[i * CLASSES + i] = 1;
    return model_new(g, NULL);
}

static const int truth[SAMPLES] = {0, 0, 0, 0, 1, 1}; /* none is of class 2 */
static const int said[SAMPLES] = {0, 0, 0, 2, 1, 0};

static dataset *make_classes(void)
{
    static const char *const names[] = {"clock", "lamp", "<bed>"};
    dataset *d = dataset_new(NULL);
    d->count = SAMPLES;
    d->source = memory_text("test", NULL);
    d->input = tensor_new(
        DTYPE_F32,
        shape_of(4, (int64_t)SAMPLES, (int64_t)1, (int64_t)1, (int64_t)CLASSES), NULL);
    d->target = tensor_new(DTYPE_F32, shape_of(2, (int64_t)SAMPLES, (int64_t)1), NULL);
    d->split = memory_new(SAMPLES, 1, NULL);
    d->class_count = CLASSES;
    d->class_names = memory_new(CLASSES, sizeof *d->class_names, NULL);
    for (int i = 0; i < CLASSES; i++)
        d->class_names[i] = memory_text(names[i], NULL);
    float *x = tensor_write_f32(d->input, NULL), *y = tensor_write_f32(d->target, NULL);
    for (int i = 0; i < SAMPLES; i++) {
        x[i * CLASSES + said[i]] = 1;
        y[i] = (float)truth[i];
        d->split[i] = SPLIT_TEST;
    }
    assert_int_equal(dataset_check(d, NULL), E_OK);
    return d;
}

static int set_up(void **state)
{
    (void)state;
    s = support_figure_begin();
    for (int i = 0; i < 3; i++) { /* three states of m, one after another */
        session_begin(s, "prune", NULL);
        session_put_model(s, "m", make_net(18 * i), NULL);
        session_end(s);
    }
    session_put_model(s, "whole", make_net(0), NULL);
    session_put_model(s, "half", make_net(36), NULL);
    session_put_model(s, "identity", make_identity(), NULL);
    session_put_dataset(s, "classes", make_classes(), NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_figure_end(s);
    return 0;
}

/* ---- layers ---- */

static void test_layers(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double box[16][4], grey[16][4];
    error e = {0};
    support_figure_draw(s, "layers", "model=half before=whole", "layers.svg");
    /* two layers in three panels (a bar of 0 is no box), and the key */
    int found = support_figure_boxes("layers.svg", "rgb(  0, 114, 178)", box, 16);
    assert_in_range(found, 6, 7);
    assert_in_range(support_figure_boxes("layers.svg", "rgb(207, 207, 207)", grey, 16), 5,
                    7);
    static const char *const words[] = {
        "<text>first</text>", "<text>second</text>",         "<text>74</text>",
        "<text>0.500</text>", "<text>share of zeros</text>", "<text>half</text>",
        "<text>whole</text>"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(support_figure_count("layers.svg", words[i]), 1);
    assert_in_range(support_figure_count("layers.svg", "<text>40</text>"), 1, 2);
    assert_int_equal(support_figure_count("layers.svg", "<text>32</text>"), 2);
    support_figure_draw(s, "layers", "model=half show=parameters", "bars.svg");
    assert_int_equal(support_figure_boxes("bars.svg", "rgb(  0, 114, 178)", box, 16), 2);
    assert_true(fabs((box[1][1] - box[1][0]) / (box[0][1] - box[0][0]) - 74.0 / 40) <
                0.01);
    assert_int_equal(support_figure_render(s, &figure_layers, "model=half show=bits,bits",
                                           "no.svg", false, NULL, &e),
                     E_USAGE);
}

/* Times are those of the table, whatever this machine does meanwhile. */
static void test_layer_times(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double box[8][4];
    table *t = table_new(NULL);
    table_row(t);
    table_text(t, "node", "first");
    table_real(t, "median_ms", 0.25);
    table_row(t);
    table_text(t, "node", "second");
    table_real(t, "median_ms", 1);
    session_put_table(s, "times", t, NULL);
    support_figure_draw(s, "layers", "model=half show=time times=times", "times.svg");
    assert_int_equal(support_figure_boxes("times.svg", "rgb(  0, 114, 178)", box, 8), 2);
    assert_true(fabs((box[1][1] - box[1][0]) / (box[0][1] - box[0][0]) - 4) < 0.02);
    support_figure_draw(s, "layers", "model=half show=time rounds=1", "measured.svg");
    assert_int_equal(support_figure_count("measured.svg", "<text>time (ms)</text>"), 1);
}

/* ---- histograms that move ---- */

/* Frames begin with a graphic control extension (GIF89a, section 23). */
static void test_moving(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    error e = {0};
    if (support_figure_render(s, &figure_weights, "models=m history=yes delay=0.25",
                              "m.gif", true, NULL, &e) != E_OK)
        fail_msg("%s", e.text);
    size_t length;
    char *gif = support_figure_read("m.gif", &length);
    assert_memory_equal(gif, "GIF89a", 6);
    memory_free(gif);
    assert_int_equal(support_figure_count("m.gif", "\x21\xf9\x04"), 3);
    assert_int_equal(support_figure_count("m.gp", "delay 25 loop 0"), 1);
    static const char *const titles[] = {"'prune m zeros=0'", "'prune m zeros=18'",
                                         "'prune m zeros=36'"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(support_figure_count("m.gp", titles[i]), 1);
    support_figure_draw(s, "weights", "models=whole,half,m before=whole", "several.gif");
    assert_int_equal(support_figure_count("several.gif", "\x21\xf9\x04"), 3);
    support_figure_same(s, "weights", "models=m history=yes", ".gif");
    assert_int_equal(support_figure_render(s, &figure_weights, "models=whole,half",
                                           "no.png", false, NULL, &e),
                     E_USAGE);
    assert_non_null(strstr(e.hint, ".gif"));
    assert_false(file_exists("no.png"));
}

static void test_past_models(void **state)
{
    (void)state;
    const model *now = session_get_model(s, "m", NULL);
    const model *before = session_past_model(s, "m", 0);
    assert_non_null(before);
    assert_ptr_not_equal(before, now);
    assert_non_null(session_past_model(s, "m", 1));
    assert_null(session_past_model(s, "m", 2)); /* there was none yet */
    assert_null(session_past_model(s, "m", 9));
    assert_null(session_past_model(s, "classes", 0));
}

/* ---- confusion ---- */

static void test_confusion(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double share[9];
    support_figure_draw(s, "confusion", "model=identity dataset=classes", "c.svg");
    assert_int_equal(support_figure_block("c.dat", 0, 3, share, 3), 3);
    static const double wanted[] = {0.75, 0, 0.25, 0.5, 0.5, 0};
    for (int i = 0; i < 6; i++)
        assert_true(fabs(share[i] - wanted[i]) < 1e-12);
    for (int i = 6; i < 9; i++)
        assert_true(isnan(share[i])); /* no sample of that class */
    assert_int_equal(support_figure_count(
                         "c.svg", "<text>identity, test: 4 of 6 right (66.7 %)</text>"),
                     1);
    assert_int_equal(support_figure_count("c.svg", "<text>clock</text>"), 2);
    assert_int_equal(support_figure_count("c.svg", "<text>&lt;bed></text>"), 2);
    assert_int_equal(support_figure_count("c.svg", "<text>3</text>"), 1);
    assert_int_equal(support_figure_count("c.svg", "<text>1</text>"), 3);
    support_figure_draw(s, "confusion", "model=identity dataset=classes numbers=percent",
                        "percent.svg");
    assert_int_equal(support_figure_count("percent.svg", "<text>75</text>"), 1);
    assert_int_equal(support_figure_count("percent.svg", "<text>50</text>"), 2);
    support_figure_draw(s, "confusion", "model=identity dataset=classes numbers=none",
                        "none.svg");
    assert_int_equal(support_figure_count("none.svg", "<text>3</text>"), 0);
}

static void test_same_bytes(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    static const char *const endings[] = {".svg", ".png", ".pdf", ".tex", ".txt", ".gif"};
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        support_figure_same(s, "layers", "model=half before=whole style=slides",
                            endings[k]);
        support_figure_same(s, "confusion", "model=identity dataset=classes style=screen",
                            endings[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),    cmocka_unit_test(test_layer_times),
        cmocka_unit_test(test_moving),    cmocka_unit_test(test_past_models),
        cmocka_unit_test(test_confusion), cmocka_unit_test(test_same_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
