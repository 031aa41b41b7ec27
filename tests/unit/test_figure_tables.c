/* SPDX-License-Identifier: GPL-3.0-or-later
   test_figure_tables.c -- figures of tables: what is drawn, how often, and that it stands
   where the numbers say. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "support.h"
#include "support_figure.h"
#include "base/memory.h"
#include "plots/style.h"

static session *s;

/* accuracy of three seeds at each of four amounts. */
static const double amounts[] = {0.2, 0.4, 0.6, 0.8};
static const double accuracies[4][3] = {
    {0.90, 0.92, 0.91}, {0.88, 0.90, 0.86}, {0.80, 0.84, 0.88}, {0.50, 0.60, 0.64}};

static table *make_seeds(void)
{
    table *t = table_new(NULL);
    for (int i = 0; i < 4; i++)
        for (int seed = 0; seed < 3; seed++) {
            table_row(t);
            table_real(t, "amount", amounts[i]);
            table_integer(t, "seed", seed + 1);
            table_real(t, "accuracy", accuracies[i][seed]);
            table_real(t, "sparsity", amounts[i] + 0.01 * (seed - 1));
        }
    return t;
}

/* Rows a to f: on the front for few bytes and much accuracy are a, c and e. */
static const double mebibytes[] = {1, 2, 2, 3, 4, 4.5};
static const double shares[] = {0.5, 0.4, 0.7, 0.6, 0.9, NAN};

static table *make_points(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    table *t = table_new(NULL);
    for (int i = 0; i < 6; i++) {
        table_row(t);
        table_text(t, "model", names[i]);
        table_real(t, "bytes", mebibytes[i] * 1048576);
        table_real(t, "accuracy", shares[i]);
    }
    return t;
}

static table *make_bench(void)
{
    table *t = table_new(NULL);
    for (int i = 0; i < 3; i++) {
        table_row(t);
        table_text(t, "model", i == 0 ? "dense" : i == 1 ? "int8" : "pruned");
        table_integer(t, "batch", i);
        table_real(t, "median_ms", 2.0 + 3 * i);
        table_real(t, "p10_ms", 1.5 + 3 * i);
        table_real(t, "p90_ms", 2.5 + 3 * i);
        table_real(t, "change", i - 1);
    }
    return t;
}

/* Errors that differ in their third digit only. */
static table *make_close(void)
{
    table *t = table_new(NULL);
    for (int i = 0; i < 5; i++) {
        table_row(t);
        table_integer(t, "bytes", 1000 * (i + 1));
        table_real(t, "mse", 0.00462 - 4e-5 * i);
    }
    return t;
}

static int set_up(void **state)
{
    (void)state;
    s = support_figure_begin();
    session_put_table(s, "seeds", make_seeds(), NULL);
    session_put_table(s, "points", make_points(), NULL);
    session_put_table(s, "bench", make_bench(), NULL);
    session_put_table(s, "close", make_close(), NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_figure_end(s);
    return 0;
}

/* Is C between A and B where Z is between X and Y? */
static void check_place(double a, double b, double c, double x, double y, double z)
{
    assert_true(fabs((c - a) / (b - a) - (z - x) / (y - x)) < 0.01);
}

/* ---- curve ---- */

static void test_curve_range(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double at[8][2], box[4][4], rows[4 * 5];
    support_figure_draw(s, "curve", "tables=seeds", "curve.svg");
    assert_int_equal(support_figure_marks("curve.svg", "gpPt6", at, 8), 4 + 1);
    assert_int_equal(support_figure_count("curve.svg",
                                          "<text>accuracy (share of samples), mean and "
                                          "range</text>"),
                     1);
    assert_int_equal(support_figure_boxes("curve.svg", "rgb(  0, 114, 178)", box, 4), 1);
    assert_int_equal(support_figure_block("curve.dat", 0, 5, rows, 4), 4);
    for (int i = 0; i < 4; i++) {
        double mean = 0;
        for (int k = 0; k < 3; k++)
            mean += accuracies[i][k] / 3;
        assert_true(fabs(rows[5 * i] - amounts[i]) < 1e-12);
        assert_true(fabs(rows[5 * i + 1] - mean) < 1e-12);
        assert_int_equal(rows[5 * i + 4], 3);
    }
    /* the marks: means of 0.91 and 0.58 beside those of 0.88 and 0.84, evenly across */
    check_place(at[0][1], at[3][1], at[1][1], 0.91, 0.58, 0.88);
    check_place(at[0][1], at[3][1], at[2][1], 0.91, 0.58, 0.84);
    check_place(at[0][0], at[3][0], at[1][0], 0.2, 0.8, 0.4);
    /* the band: from the lowest of all rows to the highest, all the way across */
    check_place(at[0][1], at[3][1], box[0][2], 0.91, 0.58, 0.92);
    check_place(at[0][1], at[3][1], box[0][3], 0.91, 0.58, 0.50);
    assert_true(fabs(box[0][0] - at[0][0]) < 0.1 && fabs(box[0][1] - at[3][0]) < 0.1);
}

static void test_curve_spreads(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double at[16][2], box[4][4], rows[4 * 5];
    support_figure_draw(s, "curve", "tables=seeds spread=deviation", "deviation.svg");
    assert_int_equal(support_figure_block("deviation.dat", 0, 5, rows, 4), 4);
    assert_true(fabs(rows[5 + 2] - (0.88 - 0.02)) < 1e-12);
    assert_true(fabs(rows[5 + 3] - (0.88 + 0.02)) < 1e-12);
    support_figure_draw(s, "curve", "tables=seeds spread=points", "rows.svg");
    assert_int_equal(support_figure_marks("rows.svg", "gpPt5", at, 16), 12);
    assert_int_equal(support_figure_boxes("rows.svg", "rgb(  0, 114, 178)", box, 4), 0);
    support_figure_draw(s, "curve", "tables=seeds spread=none", "means.svg");
    assert_int_equal(support_figure_boxes("means.svg", "rgb(  0, 114, 178)", box, 4), 0);
    assert_int_equal(support_figure_marks("means.svg", "gpPt6", at, 8), 4 + 1);
}

/* Sparsities that differ a little from seed to seed: a point each, or one an amount. */
static void test_curve_groups(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double at[16][2], rows[4 * 5];
    error e = {0};
    support_figure_draw(s, "curve", "tables=seeds x=sparsity y=accuracy", "each.svg");
    assert_int_equal(support_figure_marks("each.svg", "gpPt6", at, 16), 12 + 1);
    support_figure_draw(s, "curve", "tables=seeds x=sparsity y=accuracy group=amount",
                        "groups.svg");
    assert_int_equal(support_figure_marks("groups.svg", "gpPt6", at, 16), 4 + 1);
    assert_int_equal(support_figure_block("groups.dat", 0, 5, rows, 4), 4);
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(rows[5 * i] - amounts[i]) < 1e-12);
        assert_int_equal(rows[5 * i + 4], 3);
    }
    check_place(at[0][0], at[3][0], at[1][0], 0.2, 0.8, 0.4);
    assert_int_equal(support_figure_render(s, &figure_curve, "tables=seeds group=none",
                                           "no.svg", false, NULL, &e),
                     E_NAME);
}

/* ---- pareto ---- */

static void test_pareto(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double at[16][2], rows[5 * 2];
    support_figure_draw(s, "pareto", "tables=points label=model", "pareto.svg");
    /* three on the front and one in the key, which comes last of its kind */
    assert_int_equal(support_figure_marks("pareto.svg", "gpPt6", at, 16), 3 + 1);
    double first[2] = {at[0][0], at[0][1]}, last[2] = {at[2][0], at[2][1]};
    check_place(first[0], last[0], at[1][0], 1, 4, 2);
    check_place(first[1], last[1], at[1][1], 0.5, 0.9, 0.7);
    assert_true(last[1] < first[1]); /* more is further up */
    assert_int_equal(support_figure_marks("pareto.svg", "gpPt5", at, 16), 2 + 1);
    check_place(first[0], last[0], at[1][0], 1, 4, 3);
    check_place(first[1], last[1], at[1][1], 0.5, 0.9, 0.6);
    assert_int_equal(support_figure_block("pareto.dat", 2, 2, rows, 5), 5);
    static const double edge[] = {1, 0.5, 2, 0.5, 2, 0.7, 4, 0.7, 4, 0.9};
    for (int i = 0; i < 10; i++)
        assert_true(fabs(rows[i] - edge[i]) < 1e-12);
    static const char *const words[] = {"<text>a</text>", "<text>c</text>",
                                        "<text>e</text>", "<text>dominated</text>",
                                        "<text>file size (MiB), lower is better</text>"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(support_figure_count("pareto.svg", words[i]), 1);
    assert_int_equal(support_figure_count("pareto.svg", "<text>b</text>"), 0);
}

/* Numbers beside an axis have the digits that tell them apart. */
static void test_close_ticks(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    support_figure_draw(s, "pareto", "tables=close x=bytes y=mse", "close.svg");
    static const char *const words[] = {"<text>0.00450</text>", "<text>0.00455</text>",
                                        "<text>0.00460</text>"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(support_figure_count("close.svg", words[i]), 1);
    assert_int_equal(support_figure_count("close.svg", "<text>0.0046</text>"), 0);
}

static void test_pareto_directions(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double at[16][2];
    error e = {0};
    /* many bytes and little accuracy: b, d and e */
    support_figure_draw(s, "pareto", "tables=points better=higher,lower", "worst.svg");
    assert_int_equal(support_figure_marks("worst.svg", "gpPt6", at, 16), 3 + 1);
    assert_int_equal(support_figure_render(s, &figure_pareto,
                                           "tables=seeds x=seed y=accuracy", "no.svg",
                                           false, NULL, &e),
                     E_USAGE);
    assert_non_null(strstr(e.hint, "better=lower,higher"));
    assert_int_equal(support_figure_render(s, &figure_pareto, "tables=points x=model",
                                           "no.svg", false, NULL, &e),
                     E_USAGE);
    assert_int_equal(support_figure_render(s, &figure_pareto, "tables=points by=nothing",
                                           "no.svg", false, NULL, &e),
                     E_NAME);
}

/* ---- latency ---- */

static void test_latency(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    double box[8][4];
    error e = {0};
    support_figure_draw(s, "latency", "tables=bench limit=4,6", "latency.svg");
    assert_int_equal(support_figure_boxes("latency.svg", "rgb(  0, 114, 178)", box, 8),
                     3);
    for (int i = 0; i < 3; i++) {
        double width = box[i][1] - box[i][0];
        assert_true(fabs(width / (box[0][1] - box[0][0]) - (2.0 + 3 * i) / 2) < 0.01);
        assert_true(fabs(box[i][0] - box[0][0]) < 0.01);  /* all begin at 0 */
        assert_true(i == 0 || box[i][2] > box[i - 1][3]); /* one below the other */
    }
    static const char *const words[] = {
        "<text>dense</text>",
        "<text>pruned</text>",
        "<text>2.00</text>",
        "<text>limit 4</text>",
        "<text>limit 6</text>",
        "<text>median latency (ms), 10th to 90th percentile</text>"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(support_figure_count("latency.svg", words[i]), 1);
    support_figure_draw(s, "latency", "tables=points y=bytes", "bytes.svg");
    assert_int_equal(support_figure_boxes("bytes.svg", "rgb(  0, 114, 178)", box, 8), 6);
    support_figure_draw(s, "latency", "tables=bench label=model,batch", "names.svg");
    assert_int_equal(support_figure_count("names.svg", "<text>int8, 1</text>"), 1);
    assert_int_equal(support_figure_render(s, &figure_latency, "tables=bench y=change",
                                           "no.svg", false, NULL, &e),
                     E_RANGE);
    assert_int_equal(support_figure_render(s, &figure_latency, "tables=bench y=model",
                                           "no.svg", false, NULL, &e),
                     E_NAME);
}

/* ---- all of them ---- */

static const char *const all[][2] = {{"curve", "tables=seeds"},
                                     {"pareto", "tables=points label=model"},
                                     {"latency", "tables=bench limit=4"}};

enum { ALL = sizeof all / sizeof *all };

static void test_same_bytes(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    static const char *const endings[] = {".svg", ".png", ".pdf", ".tex", ".txt", ".gif"};
    for (int i = 0; i < ALL; i++)
        for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
            support_figure_same(s, all[i][0], all[i][1], endings[k]);
}

static double width_of(const char *path)
{
    size_t length;
    double width = 0;
    char *svg = support_figure_read(path, &length), *at = strstr(svg, "<svg");
    at = at ? strstr(at, "width=\"") : NULL;
    if (at)
        sscanf(at, "width=\"%lf\"", &width);
    memory_free(svg);
    return width;
}

/* A style magnifies the page and all that is on it. */
static void test_styles(void **state)
{
    (void)state;
    SKIP_WITHOUT_GNUPLOT();
    for (int i = 0; i < ALL; i++)
        for (int k = 0; style_at(k); k++) {
            char words[128], path[32];
            snprintf(words, sizeof words, "%s style=%s", all[i][1], style_at(k)->name);
            snprintf(path, sizeof path, "style%d.svg", k);
            support_figure_draw(s, all[i][0], words, path);
            double factor = width_of(path) / width_of("style0.svg");
            assert_true(fabs(factor - style_at(k)->magnify) < 0.01);
        }
    assert_ptr_equal(style_find("slides"), style_at(2));
    assert_null(style_find("poster"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curve_range),
        cmocka_unit_test(test_curve_spreads),
        cmocka_unit_test(test_curve_groups),
        cmocka_unit_test(test_pareto),
        cmocka_unit_test(test_pareto_directions),
        cmocka_unit_test(test_close_ticks),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_styles),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
