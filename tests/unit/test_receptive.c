/* SPDX-License-Identifier: GPL-3.0-or-later
   test_receptive.c -- receptive fields: published ones, and what really changes where one
   pixel of the input does. */
#include "support.h"

#include <string.h>

#include "base/memory.h"
#include "engine/plan.h"
#include "graph/operator.h"
#include "graph/receptive.h"
#include "zoo/architecture.h"

static model *outline(const char *name, const char *options)
{
    error e = {0};
    model *m = architecture_outline(architecture_find(name), options, &e);
    if (!m)
        fail_msg("%s", e.text);
    return m;
}

static receptive_field *fields_of(const graph *g)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, NULL);
    receptive_field *fields = memory_new(g->value_count, sizeof *fields, NULL);
    assert_int_equal(graph_shapes(g, 1, g->input_shape, shapes, NULL), E_OK);
    assert_int_equal(graph_receptive_fields(g, shapes, fields, NULL), E_OK);
    memory_free(shapes);
    return fields;
}

/* Araujo, Norris, Sim 2019, table 1, has 483 of ResNet-v1-50, whose stem is the same; the
   rows here follow by their formula 2 from kernels and strides. */
static void fields_of_resnet_18(void **state)
{
    static const struct {
        const char *node;
        int64_t pixels;
    } rows[] = {{"conv1", 7},
                {"maxpool", 11},
                {"layer1.1.relu2", 43},
                {"layer2.1.relu2", 99},
                {"layer3.1.relu2", 211},
                {"layer4.1.relu2", 435},
                {"layer4.0.downsample.0", 211},
                {"avgpool", 512},
                {"fc", 512}};
    (void)state;
    model *m = outline("resnet-18", "stem=large size=512 channels=4");
    receptive_field *fields = fields_of(m->graph);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int at = graph_find_node(m->graph, rows[i].node);
        assert_true(at >= 0);
        const receptive_field *f = &fields[m->graph->nodes[at].output];
        assert_int_equal(f->axes, 2);
        assert_int_equal(f->pixels[0], rows[i].pixels);
        assert_int_equal(f->pixels[1], rows[i].pixels);
    }
    memory_free(fields);
    model_free(m);
}

static void rows_have_none(void **state)
{
    (void)state;
    model *m = outline("swae-mlp", "blocks=no hidden=4");
    receptive_field *fields = fields_of(m->graph);
    assert_int_equal(fields[m->graph->output].axes, 0);
    memory_free(fields);
    model_free(m);
    m = outline("swae-conv", "channels=2");
    fields = fields_of(m->graph);
    int first = graph_find_node(m->graph, "e.0.0");
    assert_int_equal(fields[m->graph->nodes[first].output].axes, 3);
    assert_int_equal(fields[m->graph->nodes[first].output].pixels[0], 3);
    assert_int_equal(fields[m->graph->output].pixels[2], 5);
    memory_free(fields);
    model_free(m);
}

/* Along one axis, of every output line: the first and last input line that changes it. */
typedef struct span {
    int64_t first, last;
} span;

static void run(plan *p, const float *x, int64_t count, float *y, int64_t outputs)
{
    memcpy(plan_input(p), x, (size_t)count * sizeof *x);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    memcpy(y, plan_output(p), (size_t)outputs * sizeof *y);
}

static void note_changes(const float *plain, const float *changed, shape out,
                         int64_t line, span *spans)
{
    const int64_t width = out.dim[2] * out.dim[3];
    for (int64_t h = 0; h < out.dim[1]; h++)
        if (memcmp(plain + h * width, changed + h * width,
                   (size_t)width * sizeof *plain) != 0) {
            if (spans[h].last < 0)
                spans[h].first = line;
            spans[h].last = line;
        }
}

/* Winograd's algorithms round all pixels of a tile together: a change of one shows in the
   others. */
static void avoid_tiles(graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i].op->methods)
            assert_int_equal(node_set_method(&g->nodes[i], "direct", NULL), E_OK);
}

/* The widest span of any output line, found by changing one input line after the other. */
static int64_t widest(const graph *g)
{
    plan *p = plan_new_inference(g, 1, g->input_shape, NULL);
    assert_non_null(p);
    const shape in = g->input_shape, out = plan_output_shape(p);
    const int64_t count = shape_count(in), line = in.dim[1] * in.dim[2];
    const int64_t outputs = shape_count(out);
    float *x = memory_new(count, sizeof *x, NULL);
    float *plain = memory_new(outputs, sizeof *plain, NULL);
    float *changed = memory_new(outputs, sizeof *changed, NULL);
    span *spans = memory_new(out.dim[1], sizeof *spans, NULL);
    random_stream r = random_new(3, "receptive", 0);
    int64_t most = 0;
    for (int64_t h = 0; h < out.dim[1]; h++)
        spans[h] = (span){-1, -1};
    random_fill_uniform(&r, x, count, -1, 1);
    run(p, x, count, plain, outputs);
    for (int64_t h = 0; h < in.dim[0]; h++) {
        for (int64_t i = 0; i < line; i++)
            x[h * line + i] += i % 2 ? 300 : -300;
        run(p, x, count, changed, outputs);
        note_changes(plain, changed, out, h, spans);
        for (int64_t i = 0; i < line; i++)
            x[h * line + i] -= i % 2 ? 300 : -300;
        run(p, x, count, plain, outputs); /* what rounding left of it */
    }
    for (int64_t h = 0; h < out.dim[1]; h++)
        if (spans[h].last - spans[h].first + 1 > most)
            most = spans[h].last - spans[h].first + 1;
    memory_free(x);
    memory_free(plain);
    memory_free(changed);
    memory_free(spans);
    plan_free(p);
    return most;
}

static void fields_are_what_changes(void **state)
{
    static const struct {
        const char *name, *options;
    } rows[] = {
        {"unet-sid", "channels=8 levels=2 size=28"},
        {"unet-lighter", "channels=8 levels=1 size=12"},
        {"unet-phase", "channels=4 levels=1 size=28 transform=none"},
        {"unet-phase", "channels=4 levels=2 size=60 transform=none"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        model *m = outline(rows[i].name, rows[i].options);
        assert_int_equal(graph_initialize(m->graph, INITIALIZE_UNIFORM, 4, NULL), E_OK);
        avoid_tiles(m->graph);
        receptive_field *fields = fields_of(m->graph);
        int64_t told = fields[m->graph->output].pixels[0], found = widest(m->graph);
        if (told != found)
            fail_msg("%s %s: %d lines, found %d", rows[i].name, rows[i].options,
                     (int)told, (int)found);
        memory_free(fields);
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_resnet_18),
        cmocka_unit_test(rows_have_none),
        cmocka_unit_test(fields_are_what_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
