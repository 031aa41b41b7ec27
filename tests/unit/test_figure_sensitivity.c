/* SPDX-License-Identifier: GPL-3.0-or-later
   test_figure_sensitivity.c -- the heat map of sensitivities: the colours and numbers of its
   cells against what was measured, and what was not.  It measures nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "support.h"
#include "support_graph.h"
#include "base/file.h"
#include "base/memory.h"
#include "compress/sensitivity_cache.h"
#include "plots/figure.h"
#include "plots/gnuplot.h"

static char folder[] = "/tmp/lathe-heat-XXXXXX";
static session *s;

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    setenv("XDG_CACHE_HOME", folder, 1);
    s = session_new(1, NULL);
    for (int seed = 1; seed <= 2; seed++) {
        graph *g = graph_new(shape_of(3, INT64_C(8), INT64_C(8), INT64_C(1)), NULL);
        attributes first = support_convolution(4, 3), head = support_convolution(2, 3);
        int v = graph_add(g, "conv2d", "first", &first, &g->input, 1, NULL);
        v = graph_add(g, "conv2d", "out", &head, &v, 1, NULL);
        assert_true(v >= 0);
        support_fill(g, (uint64_t)seed);
        session_put_model(s, seed == 1 ? "m" : "other", model_new(g, NULL), NULL);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    session_free(s);
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", folder, (char *)NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    return 0;
}

/* Draws with MODEL and OF into PATH, or into PICTURE. */
static status render(const char *model, const char *of, const char *path, text *picture,
                     error *e)
{
    option_set options;
    text data = {0}, script = {0};
    assert_int_equal(option_set_init(&options, figure_sensitivity.options, NULL, e),
                     E_OK);
    option_set_put(&options, "model", model, e);
    option_set_put(&options, "of", of, e);
    figure_call c = {.session = s, .options = &options, .data = &data, .script = &script};
    figure_target to = {.path = path, .columns = 80, .rows = 24, .unicode = true};
    status result = figure_render(&figure_sensitivity, &c, &to, picture, NULL, e);
    option_set_clear(&options);
    text_clear(&data);
    text_clear(&script);
    return result;
}

static char *read_whole(const char *path)
{
    void *bytes = NULL;
    size_t length;
    text t = {0};
    assert_int_equal(file_read(path, 1 << 24, &bytes, &length, NULL), E_OK);
    text_add_bytes(&t, bytes, length);
    memory_free(bytes);
    return text_take(&t, NULL);
}

static int count_in(const char *path, const char *words)
{
    char *bytes = read_whole(path);
    int count = 0;
    for (const char *at = bytes; (at = strstr(at, words)); at += strlen(words))
        count++;
    memory_free(bytes);
    return count;
}

/* The palette of figures for V from -1 to 1, where the largest change is: blue to red
   (ColorBrewer's RdBu), evenly between its eleven colours. */
static void colour_at(double v, double rgb[3])
{
    static const int colours[][3] = {{5, 48, 97},     {33, 102, 172},  {67, 147, 195},
                                     {146, 197, 222}, {209, 229, 240}, {247, 247, 247},
                                     {253, 219, 199}, {244, 165, 130}, {214, 96, 77},
                                     {178, 24, 43},   {103, 0, 31}};
    double place = (v / 1.6 + 1) / 2 * 10;
    int low = (int)place;
    for (int i = 0; i < 3; i++)
        rgb[i] =
            colours[low][i] + (place - low) * (colours[low + 1][i] - colours[low][i]);
}

/* Each cell of the file, in the order of writing, has the colour of its change. */
static void check_cells(const char *path, const double *root, int count)
{
    char *svg = read_whole(path);
    const char *at = svg;
    for (int i = 0; i < count; i++) {
        int found[3];
        double wanted[3];
        colour_at(root[i], wanted);
        at = strstr(at, "<polygon fill = 'rgb(");
        assert_non_null(at);
        at += strlen("<polygon fill = 'rgb(");
        assert_int_equal(sscanf(at, "%d, %d, %d)", &found[0], &found[1], &found[2]), 3);
        for (int k = 0; k < 3; k++)
            if (fabs(found[k] - wanted[k]) > 6)
                fail_msg("cell %d: %d, %d, %d; want %g, %g, %g", i, found[0], found[1],
                         found[2], wanted[0], wanted[1], wanted[2]);
    }
    memory_free(svg);
}

/* What was measured, bits of layer 0 and 1; the last cell was not. */
static void remember_sensitivity(const model *m, const char *metric)
{
    static const struct {
        int layer;
        double level, change;
    } rows[] = {{1, 8, -0.01}, {0, 3, 0.16}, {0, 8, 0}};
    sensitivity_cache cache;
    sensitivity_cache_open(&cache, 77);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sensitivity_row row = {.layer = rows[i].layer,
                               .level = rows[i].level,
                               .value = 1,
                               .change = rows[i].change,
                               .samples = 4,
                               .elements = 9};
        if (!sensitivity_cache_find(&cache, row.layer, row.level))
            sensitivity_cache_add(&cache, &row);
    }
    sensitivity_cache_close(&cache);
    sensitivity_cache_note(graph_hash(m->graph), SENSITIVITY_BITS, 77, metric);
}

static void cells_are_what_was_measured(void **state)
{
    (void)state;
    error e = {0};
    char *gnuplot = gnuplot_find(&e);
    memory_free(gnuplot);
    if (!gnuplot)
        skip();
    const model *m = session_get_model(s, "m", &e);
    assert_int_equal(render("m", "bits", "no.svg", NULL, &e), E_NAME);
    assert_false(file_exists("no.svg"));
    remember_sensitivity(m, "mse"); /* less is better: what grows is worse */
    assert_int_equal(render("m", "bits", "heat.svg", NULL, &e), E_OK);
    const double root[] = {0, 1, -0.25};
    check_cells("heat.svg", root, 3);
    assert_int_equal(count_in("heat.svg", "<polygon fill"), 3);
    assert_int_equal(count_in("heat.svg", "<text>first</text>"), 1);
    assert_int_equal(count_in("heat.svg", "<text>out</text>"), 1);
    assert_int_equal(count_in("heat.svg", "<text>8 bits</text>"), 1);
    assert_int_equal(count_in("heat.svg", "<text>3 bits</text>"), 1);
    assert_int_equal(count_in("heat.svg", "<text>0.16</text>"), 1);
    assert_int_equal(count_in("heat.svg", "change of mse"), 1);
    remember_sensitivity(m, "psnr"); /* more is better: the same grows to the good */
    assert_int_equal(render("m", "bits", "other.svg", NULL, &e), E_OK);
    const double turned[] = {0, -1, 0.25};
    check_cells("other.svg", turned, 3);
    text picture = {0};
    assert_int_equal(render("m", "bits", NULL, &picture, &e), E_OK);
    assert_non_null(strstr(text_get(&picture), "0.16"));
    text_clear(&picture);
    assert_int_equal(render("m", "prune", "no.svg", NULL, &e), E_NAME);
    assert_int_equal(render("other", "bits", "no.svg", NULL, &e), E_NAME);
}

/* Notes and files of the cache may be damaged: then nothing was measured. */
static void damage_is_nothing(void **state)
{
    (void)state;
    error e = {0};
    const model *m = session_get_model(s, "m", &e);
    sensitivity_cache cache;
    char metric[64];
    uint64_t weights = graph_hash(m->graph);
    remember_sensitivity(m, "mse");
    assert_int_equal(
        sensitivity_cache_latest(&cache, weights, SENSITIVITY_BITS, metric, &e), E_OK);
    assert_string_equal(metric, "mse");
    assert_int_equal(cache.count, 3);
    sensitivity_cache_close(&cache);
    sensitivity_cache_note(weights, SENSITIVITY_BITS, 78, "mse"); /* no such file */
    assert_int_equal(
        sensitivity_cache_latest(&cache, weights, SENSITIVITY_BITS, metric, &e), E_NAME);
    sensitivity_cache_close(&cache);
    remember_sensitivity(m, "nonesuch");
    assert_int_equal(render("m", "bits", "no.svg", NULL, &e), E_NAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_what_was_measured),
        cmocka_unit_test(damage_is_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
