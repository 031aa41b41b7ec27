/* SPDX-License-Identifier: GPL-3.0-or-later
   test_figure_images.c -- filmstrips and slices: which images there are, their numbers, and
   errors that are known beforehand. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "support.h"
#include "support_figure.h"
#include "support_graph.h"
#include "base/memory.h"

enum { SAMPLES = 2, SIZE = 4, DEPTH = 3 };

static session *s;

/* A 1x1 convolution that multiplies what is there by FACTOR. */
static model *make_factor(const char *op, shape input, float factor)
{
    graph *g = graph_new(input, NULL);
    int64_t channels = input.dim[input.rank - 1];
    attributes a = {.channels = channels, .groups = 1};
    for (int i = 0; i < 3; i++)
        a.kernel[i] = a.stride[i] = a.dilation[i] = 1;
    assert_true(graph_add(g, op, "factor", &a, &g->input, 1, NULL) >= 0);
    float *w =
        tensor_write_f32(graph_parameter(g, &g->nodes[0], ROLE_WEIGHT)->data, NULL);
    for (int64_t i = 0; i < channels; i++)
        w[i * channels + i] = factor;
    return model_new(g, NULL);
}

/* Values 1, 2, ... / count; the target is the input. */
static dataset *make_data(shape all)
{
    dataset *d = dataset_new(NULL);
    d->count = SAMPLES;
    d->source = memory_text("test", NULL);
    d->input_name = memory_text("chi", NULL);
    d->target_name = memory_text("chi", NULL);
    d->input = tensor_new(DTYPE_F32, all, NULL);
    float *x = tensor_write_f32(d->input, NULL);
    int64_t n = shape_count(all);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(i + 1) / (float)n;
    d->target = tensor_share(d->input, NULL);
    d->split = memory_new(SAMPLES, 1, NULL);
    for (int i = 0; i < SAMPLES; i++)
        d->split[i] = SPLIT_TEST;
    assert_int_equal(dataset_check(d, NULL), E_OK);
    return d;
}

static const shape block = {5, {SAMPLES, DEPTH, SIZE, SIZE, 1}};
static const shape picture = {4, {SAMPLES, SIZE, SIZE, 3}};

static shape sample_of(shape all)
{
    for (int i = 1; i < all.rank; i++)
        all.dim[i - 1] = all.dim[i];
    all.rank--;
    return all;
}

static int set_up(void **state)
{
    (void)state;
    s = support_figure_begin();
    session_put_dataset(s, "blocks", make_data(block), NULL);
    session_put_dataset(s, "pictures", make_data(picture), NULL);
    session_put_model(s, "half", make_factor("conv3d", sample_of(block), 0.5f), NULL);
    session_put_model(s, "one", make_factor("conv3d", sample_of(block), 1), NULL);
    session_put_model(s, "dark", make_factor("conv2d", sample_of(picture), 0.5f), NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_figure_end(s);
    return 0;
}

/* Half the root of the mean square of the numbers of a sample. */
static double half_error(shape all, int64_t sample)
{
    double n = (double)shape_count(all), each = n / SAMPLES, sum = 0;
    for (double i = 1; i <= each; i++)
        sum += pow((each * (double)sample + i) / n / 2, 2);
    return sqrt(sum / each);
}

static void test_slices(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double values[SIZE * SIZE];
    char words[96];
    error e = {0};
    support_figure_draw(s, "slices", "names=half,blocks index=1", "slices.svg");
    assert_int_equal(support_figure_count("slices.svg", "<image "), 3 * DEPTH + 2);
    snprintf(words, sizeof words, "<text>error, RMSE %.3f</text>", half_error(block, 1));
    assert_int_equal(support_figure_count("slices.svg", words), 1);
    static const char *const titles[] = {"<text>original, z = 0</text>",
                                         "<text>z = 1</text>", "<text>z = 2</text>",
                                         "<text>half</text>", "<text>chi</text>"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        assert_int_equal(support_figure_count("slices.svg", titles[i]), 1);
    /* the second plane of block 1; and what the model makes of it */
    for (int part = 0; part < 2; part++) {
        assert_int_equal(
            support_figure_block("slices.dat", part * DEPTH + 1, SIZE, values, SIZE),
            SIZE);
        for (int i = 0; i < SIZE * SIZE; i++) {
            double at = DEPTH * SIZE * SIZE + SIZE * SIZE + i + 1;
            double wanted = at / (double)shape_count(block) * (part ? 0.5 : 1);
            assert_true(fabs(values[i] - wanted) < 1e-4);
        }
    }
    support_figure_draw(s, "slices", "names=half,one,blocks axis=x planes=2", "two.svg");
    assert_int_equal(support_figure_count("two.svg", "<image "), 5 * 2 + 2);
    assert_int_equal(support_figure_count("two.svg", "<text>x = 3</text>"), 1);
    assert_int_equal(support_figure_render(s, &figure_slices, "names=pictures", "no.svg",
                                           false, NULL, &e),
                     E_SHAPE);
    assert_non_null(strstr(e.hint, "filmstrip"));
}

static void test_filmstrip(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double values[SIZE * SIZE * 5];
    char words[96];
    error e = {0};
    support_figure_draw(s, "filmstrip", "names=dark,pictures index=0,1", "film.svg");
    /* original, output and error of two samples, and a bar for errors */
    assert_int_equal(support_figure_count("film.svg", "<image "), 2 * 3 + 1);
    for (int i = 0; i < SAMPLES; i++) {
        snprintf(words, sizeof words, "<text>error, RMSE %.3f</text>",
                 half_error(picture, i));
        assert_int_equal(support_figure_count("film.svg", words), 1);
    }
    /* pixels of the original: x, y, red, green, blue */
    assert_int_equal(support_figure_block("film.dat", 0, 5, values, SIZE * SIZE),
                     SIZE * SIZE);
    for (int i = 0; i < SIZE * SIZE; i++) {
        assert_int_equal(values[5 * i], i % SIZE);
        assert_int_equal(values[5 * i + 1], i / SIZE);
        for (int k = 0; k < 3; k++)
            assert_true(fabs(values[5 * i + 2 + k] -
                             255.0 * (3 * i + k + 1) / (double)shape_count(picture)) <=
                        0.51);
    }
    support_figure_draw(s, "filmstrip", "names=half,one,blocks", "blocks.svg");
    assert_int_equal(support_figure_count("blocks.svg", "<image "), 1 + 4 + 2);
    assert_int_equal(support_figure_count("blocks.svg", "<text>error, RMSE 0</text>"), 1);
    assert_int_equal(support_figure_render(s, &figure_filmstrip, "names=dark,blocks",
                                           "no.svg", false, NULL, &e),
                     E_SHAPE);
    assert_int_equal(support_figure_render(s, &figure_filmstrip, "names=dark", "no.svg",
                                           false, NULL, &e),
                     E_USAGE);
    assert_int_equal(support_figure_render(s, &figure_filmstrip,
                                           "names=dark,pictures index=7", "no.svg", false,
                                           NULL, &e),
                     E_RANGE);
}

static void test_same_bytes(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    static const char *const endings[] = {".svg", ".png", ".pdf", ".tex", ".txt", ".gif"};
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        support_figure_same(s, "slices", "names=half,blocks style=slides", endings[k]);
        support_figure_same(s, "filmstrip", "names=dark,pictures", endings[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_filmstrip),
        cmocka_unit_test(test_same_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
