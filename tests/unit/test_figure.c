/* SPDX-License-Identifier: GPL-3.0-or-later
   test_figure.c -- figures against what must stand in their files, gnuplot's errors and
   absence, and strings that would like to be commands. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "support.h"
#include "support_figure.h"
#include "support_graph.h"
#include "base/file.h"
#include "base/memory.h"
#include "plots/figure.h"
#include "plots/gnuplot.h"

#define SIZE        24
#define SAMPLES     6
#define HOSTILE     "`touch canary`'$(touch canary)\" @x %n %d {a}^b_c \\ <i>&"
#define HOSTILE_SVG "`touch canary`'$(touch canary)\" @x %n %d {a}^b_c \\ &lt;i>&amp;"

static session *s;

/* ---- things to draw ---- */

static model *make_model(const char *name_of_layer)
{
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, (int64_t)1), NULL);
    attributes first = support_convolution(4, 3), head = support_convolution(2, 3);
    int v = graph_add(g, "conv2d", name_of_layer, &first, &g->input, 1, NULL);
    v = graph_add(g, "relu", "act", NULL, &v, 1, NULL);
    v = graph_add(g, "conv2d", "out", &head, &v, 1, NULL);
    assert_true(v >= 0);
    support_fill(g, 3);
    return model_new(g, NULL);
}

static void prune_layer(parameter *p, int64_t keep_every)
{
    p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), NULL);
    uint8_t *mask = tensor_write(p->mask, NULL);
    float *w = tensor_write_f32(p->data, NULL);
    for (int64_t i = 0; i < tensor_count(p->data); i++) {
        mask[i] = i % keep_every == 0;
        w[i] *= (float)mask[i];
    }
}

/* One vortex at the centre of each sample, invalid outside a disc. */
static dataset *make_data(const char *input_name)
{
    dataset *d = dataset_new(NULL);
    shape one = shape_of(4, (int64_t)SAMPLES, (int64_t)SIZE, (int64_t)SIZE, (int64_t)1);
    shape two = shape_of(4, (int64_t)SAMPLES, (int64_t)SIZE, (int64_t)SIZE, (int64_t)2);
    d->count = SAMPLES;
    d->source = memory_text("test", NULL);
    d->input_name = memory_text(input_name, NULL);
    d->input = tensor_new(DTYPE_F32, one, NULL);
    d->target = tensor_new(DTYPE_F32, two, NULL);
    d->mask = tensor_new(DTYPE_U8, one, NULL);
    d->split = memory_new(SAMPLES, 1, NULL);
    float *x = tensor_write_f32(d->input, NULL), *t = tensor_write_f32(d->target, NULL);
    uint8_t *mask = tensor_write(d->mask, NULL);
    const double centre = (SIZE - 1) / 2.0;
    for (int64_t i = 0; i < SAMPLES * SIZE * SIZE; i++) {
        double px = (double)(i % SIZE) - centre, py = (double)(i / SIZE % SIZE) - centre;
        double here = atan2(py, px);
        x[i] = (float)exp(-(px * px + py * py) / (SIZE * 2.0));
        t[2 * i] = (float)remainder(atan2(py, px + 1) - here, 2 * M_PI);
        t[2 * i + 1] = (float)remainder(atan2(py + 1, px) - here, 2 * M_PI);
        mask[i] = px * px + py * py > SIZE * SIZE / 6.0;
    }
    for (int i = 0; i < SAMPLES; i++)
        d->split[i] = i < 3 ? SPLIT_TRAIN : SPLIT_TEST;
    assert_int_equal(dataset_check(d, NULL), E_OK);
    return d;
}

/* Eight rows: two methods (words) at four amounts. */
static table *make_table(const char *second)
{
    table *t = table_new(NULL);
    for (int i = 0; i < 8; i++) {
        table_row(t);
        table_real(t, "amount", 0.2 * (1 + i / 2));
        table_text(t, "scope", i % 2 ? second : "global");
        table_text(t, "model", "m");
        table_real(t, "masked_mse", 1e-3 * exp(0.4 * i));
        table_integer(t, "bytes", (int64_t)(1 + i) << 20);
    }
    return t;
}

static int set_up(void **state)
{
    (void)state;
    s = support_figure_begin();
    model *m = make_model("first"), *p = make_model("first"), *h = make_model(HOSTILE);
    for (int i = 1; i <= 10; i++)
        assert_int_equal(model_add_epoch(m,
                                         (epoch_row){.epoch = i,
                                                     .train_loss = 1.0 / i,
                                                     .val_loss = i < 8 ? 2.0 / i : 0.3,
                                                     .best = i == 7},
                                         NULL),
                         E_OK);
    prune_layer(graph_parameter(p->graph, &p->graph->nodes[0], ROLE_WEIGHT), 4);
    session_put_model(s, "m", m, NULL);
    session_put_model(s, "pruned", p, NULL);
    session_put_model(s, "hostile", h, NULL);
    session_put_dataset(s, "d", make_data("density"), NULL);
    session_put_dataset(s, "hostile-data", make_data(HOSTILE), NULL);
    session_put_table(s, "t", make_table("layer"), NULL);
    session_put_table(s, "hostile-table", make_table(HOSTILE), NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_figure_end(s);
    return 0;
}

/* ---- drawing and reading ---- */

static status render(const figure_row *row, const char *words, const char *path,
                     bool keep, text *picture, error *e)
{
    return support_figure_render(s, row, words, path, keep, picture, e);
}

static void draw(const char *kind, const char *words, const char *path)
{
    error e = {0};
    if (render(figure_find(kind), words, path, false, NULL, &e) != E_OK)
        fail_msg("%s", e.text);
}

/* ---- the table ---- */

static void test_table(void **state)
{
    (void)state;
    for (int i = 0; figure_at(i); i++) {
        const figure_row *row = figure_at(i);
        assert_ptr_equal(figure_find(row->name), row);
        assert_true(row->summary && row->example && row->draw && row->options);
        assert_true(i == 0 || strcmp(figure_at(i - 1)->name, row->name) < 0);
        assert_true(row->required <= row->arguments);
    }
    assert_null(figure_find("nonesuch"));
}

/* ---- each figure ---- */

/* Points are gnuplot's marks "gpPt". */
static void test_training(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    draw("training", "models=m", "training.svg");
    size_t length;
    char *svg = support_figure_read("training.svg", &length);
    char *body = strstr(svg, "</defs>");
    assert_non_null(body);
    int marks = 0;
    for (char *at = body; (at = strstr(at, "<use xlink:href='#gpPt")); at++)
        marks++;
    /* ten epochs twice, the best one, and a sample of each of the three in the key */
    assert_int_equal(marks, 10 + 10 + 1 + 3);
    memory_free(svg);
    assert_int_equal(support_figure_count("training.svg", "<text>training</text>"), 1);
    assert_int_equal(support_figure_count("training.svg", "<text>best epoch</text>"), 1);
    assert_int_equal(support_figure_count("training.svg", "<text>epoch</text>"), 1);
    error e = {0};
    assert_int_equal(render(&figure_training, "models=pruned", "no.svg", false, NULL, &e),
                     E_USAGE);
    assert_false(file_exists("no.svg"));
}

static void test_weights(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    draw("weights", "models=pruned before=m", "weights.svg");
    assert_int_equal(
        support_figure_count("weights.svg", "<polygon fill = 'rgb(140, 197, 227)'"),
        2 + 1); /* two layers and the key */
    assert_int_equal(
        support_figure_count("weights.svg", "<text>n = 36, 75.0 % zero</text>"), 1);
    assert_int_equal(support_figure_count("weights.svg", "<text>n = 72</text>"), 1);
    assert_int_equal(support_figure_count("weights.svg", "<text>first</text>"), 1);
    draw("weights", "models=pruned layer=out", "one.svg");
    assert_int_equal(support_figure_count("one.svg", "<text>out</text>"), 1);
    assert_int_equal(support_figure_count("one.svg", "<text>first</text>"), 0);
    error e = {0};
    assert_int_equal(
        render(&figure_weights, "models=m layer=outt", "no.svg", false, NULL, &e),
        E_NAME);
    assert_non_null(strstr(e.hint, "'out'"));
}

static void test_curve(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    draw("curve", "tables=t baseline=0.002", "curve.svg");
    assert_int_equal(support_figure_count("curve.svg", "<text>global</text>"), 1);
    assert_int_equal(support_figure_count("curve.svg", "<text>layer</text>"), 1);
    assert_int_equal(support_figure_count("curve.svg", "<text>baseline</text>"), 1);
    assert_int_equal(support_figure_count("curve.svg", "<text>masked MSE</text>"), 1);
    assert_int_equal(support_figure_count("curve.svg", "<use xlink:href='#gpPt6'"),
                     4 + 1); /* circles */
    assert_int_equal(support_figure_count("curve.svg", "<use xlink:href='#gpPt4'"),
                     4 + 1); /* squares */
    draw("curve", "tables=t x=bytes by=model ylabel=loss", "bytes.svg");
    assert_int_equal(support_figure_count("bytes.svg", "<text>file size (MiB)</text>"),
                     1);
    assert_int_equal(support_figure_count("bytes.svg", "<text>loss</text>"), 1);
    error e = {0};
    assert_int_equal(render(&figure_curve, "tables=t y=scope", "no.svg", false, NULL, &e),
                     E_NAME);
    assert_non_null(strstr(e.hint, "amount, masked_mse, bytes"));
}

static void test_phase(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    draw("phase", "names=m,d index=1 split=test", "phase.svg");
    assert_int_equal(support_figure_count("phase.svg", "<image "),
                     8 + 3); /* and three bars of colours */
    assert_int_equal(support_figure_count("phase.svg", "<text>(a) density</text>"), 1);
    assert_int_equal(
        support_figure_count("phase.svg", "<text>(g) predicted ∂φ/∂y</text>"), 1);
    assert_int_equal(support_figure_count("phase.svg", "<text>error (rad/pixel)</text>"),
                     1);
    draw("phase", "names=d", "data.svg");
    assert_int_equal(support_figure_count("data.svg", "<image "), 4 + 2);
    error e = {0};
    assert_int_equal(
        render(&figure_phase, "names=m,d index=3 split=test", "no.svg", false, NULL, &e),
        E_RANGE);
    assert_non_null(strstr(e.text, "0..2"));
    assert_int_equal(render(&figure_phase, "names=m", "no.svg", false, NULL, &e),
                     E_USAGE);
}

/* The true field winds once: the first panel's data say so. */
static void test_circulation(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    error e = {0};
    assert_int_equal(render(&figure_circulation, "names=m,d split=test radii=2,3,20",
                            "no.svg", false, NULL, &e),
                     E_RANGE);
    if (render(&figure_circulation, "names=m,d split=test radii=2,3,4,11",
               "circulation.svg", true, NULL, &e) != E_OK)
        fail_msg("%s", e.text);
    size_t length;
    char *data = support_figure_read("circulation.dat", &length), *rest = NULL;
    int circles = 0, invalid = 0;
    bool first = true;
    for (char *line = strtok_r(data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        double radius, truth, predicted, flag;
        if (strncmp(line, "# true", 6) == 0)
            first = false;
        if (!first || line[0] == '#' ||
            sscanf(line, "%lf %lf %lf %lf", &radius, &truth, &predicted, &flag) != 4)
            continue;
        circles++;
        invalid += flag > 0;
        if (flag == 0)
            assert_true(fabs(truth - 1) < 1e-4);
    }
    assert_int_equal(circles, 11);
    assert_true(invalid > 0 && invalid < 11);
    memory_free(data);
    assert_int_equal(
        support_figure_count("circulation.svg", "<text>(b) 3 samples, 9 circles</text>"),
        1);
    assert_int_equal(
        support_figure_count("circulation.svg", "<text>invalid pixels on path</text>"),
        1);
}

/* ---- formats ---- */

static void check_same(const char *kind, const char *words, const char *path,
                       const char *again)
{
    size_t a, b;
    draw(kind, words, path);
    draw(kind, words, again);
    char *one = support_figure_read(path, &a), *two = support_figure_read(again, &b);
    assert_int_equal(a, b);
    assert_memory_equal(one, two, a);
    memory_free(one);
    memory_free(two);
}

static void test_same_bytes(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    check_same("phase", "names=m,d", "a.svg", "b.svg");
    check_same("phase", "names=m,d", "a.png", "b.png");
    check_same("curve", "tables=t", "a.txt", "b.txt");
    check_same("weights", "models=m", "a.tex", "c/../a.tex");
    setenv("SOURCE_DATE_EPOCH", "1000000000", 1);
    draw("weights", "models=m", "date.pdf");
    assert_int_equal(support_figure_count("date.pdf", "/CreationDate (D:20010909014640"),
                     1);
    unsetenv("SOURCE_DATE_EPOCH");
    check_same("weights", "models=m", "a.pdf", "b.pdf");
    assert_int_equal(support_figure_count("a.pdf", "/CreationDate (D:19700101000000"), 1);
}

static void test_formats(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    size_t length;
    draw("training", "models=m", "f.png");
    char *bytes = support_figure_read("f.png", &length);
    assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
    memory_free(bytes);
    draw("training", "models=m", "f.tex");
    assert_int_equal(support_figure_count("f.tex", "{f-inc.pdf}"), 1);
    assert_int_equal(support_figure_count("f.tex", "makebox(0,0){\\strut{}epoch}"), 1);
    bytes = support_figure_read("f-inc.pdf", &length);
    assert_memory_equal(bytes, "%PDF-", 5);
    memory_free(bytes);
    error e = {0};
    assert_int_equal(render(&figure_training, "models=m", "f.bmp", false, NULL, &e),
                     E_USAGE);
    assert_non_null(strstr(e.text, ".png, .svg, .pdf, .tex, .txt or .gif"));
    assert_int_equal(render(&figure_training, "models=m", "a b.tex", false, NULL, &e),
                     E_USAGE);
    assert_int_equal(render(&figure_training, "models=m", "f.png/f.svg", false, NULL, &e),
                     E_FILE);
}

/* Every figure in characters: no line is wider than asked, nothing but text. */
static void test_characters(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    static const char *const words[][2] = {{"training", "models=m"},
                                           {"weights", "models=pruned before=m"},
                                           {"weights", "models=pruned layer=out"},
                                           {"curve", "tables=t"},
                                           {"phase", "names=m,d"},
                                           {"phase", "names=d"},
                                           {"circulation", "names=m,d"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        error e = {0};
        text picture = {0};
        if (render(figure_find(words[i][0]), words[i][1], NULL, false, &picture, &e) !=
            E_OK)
            fail_msg("%s", e.text);
        assert_true(picture.length > 500);
        assert_null(strchr(text_get(&picture), '\033'));
        assert_null(strchr(text_get(&picture), '\f'));
        char *rest = NULL;
        for (char *line = strtok_r(picture.data, "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest)) {
            int columns = 0;
            for (char *p = line; *p; p++)
                columns += ((unsigned char)*p & 0xc0) != 0x80;
            assert_in_range(columns, 0, 80);
        }
        text_clear(&picture);
    }
}

/* The script that stays beside a figure makes it again, from any folder. */
static void test_kept_script(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    error e = {0};
    size_t a, b;
    if (render(&figure_weights, "models=hostile", "it's `touch canary` $(x).svg", true,
               NULL, &e) != E_OK)
        fail_msg("%s", e.text);
    char *one = support_figure_read("it's `touch canary` $(x).svg", &a);
    assert_int_equal(unlink("it's `touch canary` $(x).svg"), 0);
    text out = {0};
    char *script =
        memory_format(NULL, "%s/it's `touch canary` $(x).gp", support_figure_folder());
    if (gnuplot_run("/", script, 60, NULL, &out, &e) != E_OK)
        fail_msg("%s", e.text);
    char *two = support_figure_read("it's `touch canary` $(x).svg", &b);
    assert_int_equal(a, b);
    assert_memory_equal(one, two, a);
    assert_false(file_exists("canary"));
    text_clear(&out);
    memory_free(script);
    memory_free(one);
    memory_free(two);
}

/* ---- strangers' words ---- */

static void test_hostile_words(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    error e = {0};
    draw("weights", "models=hostile", "h1.svg");
    assert_int_equal(support_figure_count("h1.svg", "<text>" HOSTILE_SVG "</text>"), 1);
    draw("curve", "tables=hostile-table", "h3.svg");
    draw("phase", "names=hostile-data", "h4.svg");
    assert_true(support_figure_count("h4.svg", "&lt;i>&amp;</text>") > 0);
    draw("weights", "models=hostile", "h5.png");
    draw("weights", "models=hostile", "h5.tex");
    draw("curve", "tables=hostile-table", "h6.tex");
    draw("curve", "tables=hostile-table", "h7.pdf");
    text picture = {0};
    assert_int_equal(render(&figure_weights, "models=hostile", NULL, false, &picture, &e),
                     E_OK);
    text_clear(&picture);
    assert_false(file_exists("canary"));
}

/* ---- gnuplot itself ---- */

static status draw_nonsense(figure_call *c, error *e)
{
    (void)e;
    text_add(c->script, "plot nosuchfunction(\nsystem 'touch afterwards'\n");
    return E_OK;
}

static void test_gnuplot_error(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    static const option none[] = {{0}};
    const figure_row bad = {.name = "bad",
                            .options = none,
                            .width_mm = 50,
                            .height_mm = 50,
                            .draw = draw_nonsense};
    error e = {0};
    assert_int_equal(render(&bad, "", "bad.svg", false, NULL, &e), E_FILE);
    assert_non_null(strstr(e.text, "plot bad: gnuplot: line "));
    assert_false(file_exists("bad.svg"));
    draw("training", "models=m", "good.svg");
}

static void test_no_gnuplot(void **state)
{
    (void)state;
    error e = {0};
    char *old = memory_text(getenv("PATH"), NULL);
    setenv("PATH", "/nonexistent:.::fake", 1); /* relative folders are not looked at */
    assert_int_equal(render(&figure_training, "models=m", "none.svg", false, NULL, &e),
                     E_FILE);
    assert_non_null(strstr(e.text, "gnuplot: not found"));
    assert_non_null(strstr(e.text, "'none.dat'"));
    assert_non_null(strstr(e.hint, "gnuplot-nox"));
    assert_false(file_exists("none.svg"));
    assert_int_equal(support_figure_count("none.dat", "# epoch, training loss"), 1);
    assert_int_equal(render(&figure_weights, "models=m", "none.svg", false, NULL, &e),
                     E_FILE);
    assert_non_null(strstr(e.text, "not written either")); /* what is there stays */
    assert_int_equal(support_figure_count("none.dat", "# epoch, training loss"), 1);
    text picture = {0};
    assert_int_equal(render(&figure_training, "models=m", NULL, false, &picture, &e),
                     E_FILE);
    text_clear(&picture);
    setenv("PATH", old, 1);
    memory_free(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_training),
        cmocka_unit_test(test_weights),       cmocka_unit_test(test_curve),
        cmocka_unit_test(test_phase),         cmocka_unit_test(test_circulation),
        cmocka_unit_test(test_same_bytes),    cmocka_unit_test(test_formats),
        cmocka_unit_test(test_characters),    cmocka_unit_test(test_kept_script),
        cmocka_unit_test(test_hostile_words), cmocka_unit_test(test_gnuplot_error),
        cmocka_unit_test(test_no_gnuplot),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
