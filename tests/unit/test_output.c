/* SPDX-License-Identifier: GPL-3.0-or-later
   test_output.c -- tables in every format: lines that fit, CSV and JSON that read back to
   the same values (JSON by Jansson, CSV by a reader of its own), and the line of
   progress, never wider than the terminal. */
#include "support.h"

#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "ui/output/output.h"
#include "ui/output/progress.h"

static const output_style plain = {0, false, false};

static table *example(void)
{
    table *t = table_new(NULL);
    table_row(t);
    table_text(t, "model", "m");
    table_integer(t, "bytes", 94824);
    table_real(t, "sparsity", 0.9);
    table_real(t, "mse", 0.00173);
    table_flag(t, "best", true);
    table_row(t);
    table_text(t, "model", "dense_2");
    table_integer(t, "bytes", -5);
    table_real(t, "sparsity", 0.995);
    table_real(t, "mse", NAN);
    table_none(t, "best");
    assert_int_equal(table_ok(t, NULL), E_OK);
    return t;
}

static char *written(const table *t, output_format f, const output_style *style)
{
    text out = {0};
    error e = {0};
    if (output_table(t, f, style, "eval", 0.25, &out, &e) != E_OK)
        fail_msg("%s", e.text);
    return text_take(&out, NULL);
}

static void assert_written(output_format f, const output_style *style, const char *wanted)
{
    table *t = example();
    char *got = written(t, f, style);
    if (strcmp(got, wanted) != 0)
        fail_msg("is\n%swant\n%s", got, wanted);
    memory_free(got);
    table_free(t);
}

static void formats_are_as_agreed(void **state)
{
    (void)state;
    assert_written(FORMAT_TEXT, &plain,
                   "model    bytes  sparsity      mse  best\n"
                   "-------  -----  --------  -------  ----\n"
                   "m        94824     0.900  0.00173  yes\n"
                   "dense_2     -5     0.995      nan  -\n");
    assert_written(FORMAT_CSV, &plain,
                   "model,bytes,sparsity,mse,best\n"
                   "m,94824,0.9,0.00173,yes\n"
                   "dense_2,-5,0.995,nan,\n");
    assert_written(FORMAT_MARKDOWN, &plain,
                   "| model | bytes | sparsity | mse | best |\n"
                   "|---|--:|--:|--:|---|\n"
                   "| m | 94824 | 0.900 | 0.00173 | yes |\n"
                   "| dense\\_2 | -5 | 0.995 | nan |  |\n");
    assert_written(FORMAT_TEX, &plain,
                   "% needs \\usepackage{booktabs}\n"
                   "\\begin{tabular}{lrrrl}\n"
                   "\\toprule\n"
                   "model & bytes & sparsity & mse & best \\\\\n"
                   "\\midrule\n"
                   "m & 94824 & 0.900 & 0.00173 & yes \\\\\n"
                   "dense\\_2 & $-5$ & 0.995 & nan &  \\\\\n"
                   "\\bottomrule\n"
                   "\\end{tabular}\n");
    assert_written(
        FORMAT_JSON, &plain,
        "{\"command\": \"eval\", \"rows\": [{\"model\": \"m\", \"bytes\": 94824, "
        "\"sparsity\": 0.9, \"mse\": 0.00173, \"best\": true}, {\"model\": "
        "\"dense_2\", \"bytes\": -5, \"sparsity\": 0.995, \"mse\": null, "
        "\"best\": null}], \"seconds\": 0.25}\n");
}

static void narrow_terminals_get_records(void **state)
{
    (void)state;
    output_style style = {30, false, false};
    assert_written(FORMAT_TEXT, &style,
                   "model           m  dense_2\n"
                   "bytes       94824       -5\n"
                   "sparsity    0.900    0.995\n"
                   "mse       0.00173      nan\n"
                   "best          yes        -\n");
    style.columns = 20;
    assert_written(FORMAT_TEXT, &style,
                   "model     m\n"
                   "bytes     94824\n"
                   "sparsity  0.900\n"
                   "mse       0.00173\n"
                   "best      yes\n"
                   "\n"
                   "model     dense_2\n"
                   "bytes     -5\n"
                   "sparsity  0.995\n"
                   "mse       nan\n"
                   "best      -\n");
}

/* NAME_low and NAME_high stand behind NAME at a terminal, and in their own columns for
   programs. */
static void intervals_stand_with_their_numbers(void **state)
{
    (void)state;
    output_style style = {60, false, false};
    text out = {0};
    table *t = table_new(NULL);
    table_row(t);
    table_text(t, "model", "m");
    table_real(t, "mse", 0.251);
    table_real(t, "mse_low", 0.125);
    table_real(t, "mse_high", 0.501);
    table_real(t, "slow", 3);
    table_real(t, "x_low", 4);
    table_row(t);
    table_text(t, "model", "n");
    table_real(t, "mse", 0.752);
    table_real(t, "slow", 5);
    assert_int_equal(output_table(t, FORMAT_TEXT, &style, "eval", 0, &out, NULL), E_OK);
    assert_string_equal(text_get(&out), "model                   mse  slow  x_low\n"
                                        "-----  --------------------  ----  -----\n"
                                        "m      0.251 [0.125, 0.501]     3      4\n"
                                        "n                     0.752     5      -\n");
    text_clear(&out);
    assert_int_equal(output_table(t, FORMAT_CSV, &style, "eval", 0, &out, NULL), E_OK);
    assert_string_equal(text_get(&out), "model,mse,mse_low,mse_high,slow,x_low\n"
                                        "m,0.251,0.125,0.501,3,4\nn,0.752,,,5,\n");
    text_clear(&out);
    style.columns = 0; /* no terminal */
    assert_int_equal(output_table(t, FORMAT_TEXT, &style, "eval", 0, &out, NULL), E_OK);
    assert_non_null(strstr(text_get(&out), "mse_low"));
    text_clear(&out);
    table_free(t);
}

static void last_words_are_broken(void **state)
{
    (void)state;
    const output_style style = {32, false, false};
    table *t = table_new(NULL);
    table_row(t);
    table_integer(t, "line", 12);
    table_text(t, "command", "prune m amount=0.9 data=d criterion=magnitude");
    table_row(t);
    table_integer(t, "line", 13);
    table_text(t, "command", "a-word-longer-than-its-column-is ö");
    table_row(t);
    table_integer(t, "line", 14);
    table_none(t, "command");
    char *got = written(t, FORMAT_TEXT, &style);
    assert_string_equal(got, "line  command\n"
                             "----  --------------------------\n"
                             "  12  prune m amount=0.9 data=d\n"
                             "      criterion=magnitude\n"
                             "  13  a-word-longer-than-its-col\n"
                             "      umn-is ö\n"
                             "  14  -\n");
    memory_free(got);
    table_free(t);
}

static void no_line_is_too_wide(void **state)
{
    (void)state;
    table *t = example();
    for (int columns = 18; columns < 60; columns++) {
        const output_style style = {columns, true, false};
        char *got = written(t, FORMAT_TEXT, &style);
        for (char *line = strtok(got, "\n"); line; line = strtok(NULL, "\n"))
            assert_in_range(text_columns(line), 1, columns);
        memory_free(got);
    }
    table_free(t);
}

/* One column of reals, as a reader sees them. */
static void assert_numbers(const double *numbers, int count, const char *wanted)
{
    table *t = table_new(NULL);
    for (int i = 0; i < count; i++) {
        table_row(t);
        table_real(t, "x", numbers[i]);
    }
    char *got = written(t, FORMAT_CSV, &plain),
         *read = written(t, FORMAT_MARKDOWN, &plain);
    text cells = {0};
    char *line = strchr(strchr(read, '\n') + 1, '\n') + 1;
    for (line = strtok(line, "|\n "); line; line = strtok(NULL, "|\n "))
        text_addf(&cells, "%s%s", cells.length ? " " : "", line);
    assert_string_equal(text_get(&cells), wanted);
    text_clear(&cells);
    memory_free(got);
    memory_free(read);
    table_free(t);
}

static void numbers_line_up(void **state)
{
    (void)state;
    assert_numbers((double[]){0.5, 0.75, 1}, 3, "0.50 0.75 1.00");
    assert_numbers((double[]){0.00173, 0.0302}, 2, "0.00173 0.03020");
    assert_numbers((double[]){1.0 / 3, 2}, 2, "0.33333 2.00000");
    assert_numbers((double[]){1234.5678, 0.5}, 2, "1234.6 0.5");
    assert_numbers((double[]){7.8e-4, 9.2e-4}, 2, "7.8000e-04 9.2000e-04");
    assert_numbers((double[]){1e-9, 0.5}, 2, "1e-09 0.5");
    assert_numbers((double[]){0, 0}, 2, "0 0");
    assert_numbers((double[]){-1.5, INFINITY}, 2, "-1.5 inf");
    assert_numbers((double[]){3e9, 1}, 2, "3e+09 1");
    assert_numbers((double[]){631680000.0}, 1, "6.3168e+08");
}

/* ---- read back ---- */

static double any_double(random_stream *r)
{
    for (;;) {
        uint64_t bits = (uint64_t)random_bits(r) << 32 | random_bits(r);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x))
            return x;
    }
}

static void any_text(random_stream *r, char *words, int64_t size)
{
    static const char *const pieces[] = {"a", "\"", ",",  "\n",   "\r", " ", "\\", "é",
                                         "€", "😀",  "\t", "\x01", "'",  "|", "x=1"};
    words[0] = '\0';
    while (random_below(r, 6) && strlen(words) + 5 < (size_t)size)
        strcat(words, pieces[random_below(r, sizeof pieces / sizeof *pieces)]);
}

static table *random_table(random_stream *r)
{
    table *t = table_new(NULL);
    for (int i = 0; i < 20; i++) {
        char words[32];
        any_text(r, words, sizeof words);
        table_row(t);
        table_text(t, "words, \"and\" more", words);
        table_real(t, "real", any_double(r));
        table_real(t, "whole", (double)random_below(r, 1000));
        table_integer(t, "integer",
                      (int64_t)((uint64_t)random_bits(r) << 32 | random_bits(r)));
    }
    return t;
}

static void json_is_exact(void **state)
{
    (void)state;
    random_stream r = random_new(1, "output", 0);
    for (int round = 0; round < 50; round++) {
        table *t = random_table(&r);
        char *got = written(t, FORMAT_JSON, &plain);
        assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1); /* one line */
        json_error_t why;
        json_t *object = json_loads(got, 0, &why);
        if (!object)
            fail_msg("%s: %s", why.text, got);
        assert_string_equal(json_string_value(json_object_get(object, "command")),
                            "eval");
        assert_true(json_real_value(json_object_get(object, "seconds")) == 0.25);
        for (int64_t i = 0; i < t->row_count; i++) {
            json_t *row = json_array_get(json_object_get(object, "rows"), (size_t)i);
            const cell *c = &t->cells[i * t->column_count];
            assert_string_equal(json_string_value(json_object_get(row, t->columns[0])),
                                c[0].words);
            assert_true(json_real_value(json_object_get(row, "real")) == c[1].real);
            assert_true(json_is_real(json_object_get(row, "whole")));
            assert_true(json_real_value(json_object_get(row, "whole")) == c[2].real);
            assert_int_equal(json_integer_value(json_object_get(row, "integer")),
                             c[3].integer);
        }
        json_decref(object);
        memory_free(got);
        table_free(t);
    }
}

static void json_takes_any_bytes(void **state)
{
    static const char *const words[] = {"\xff",
                                        "\xc3",
                                        "\xc0\x80",
                                        "\xed\xa0\x80",
                                        "\xf5\x80\x80\x80",
                                        "a\xe2\x82z",
                                        "\xf0\x80\x80\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        table *t = table_new(NULL);
        table_row(t);
        table_text(t, "w", words[i]);
        char *got = written(t, FORMAT_JSON, &plain);
        json_t *object = json_loads(got, 0, NULL);
        assert_non_null(object);
        json_decref(object);
        memory_free(got);
        table_free(t);
    }
}

/* The next field of a CSV text, by RFC 4180; *P stands behind it and its separator. */
static char csv_field(const char **p, text *field)
{
    bool quoted = **p == '"';
    text_clear(field);
    for (*p += quoted; **p; (*p)++) {
        if (quoted && **p == '"') {
            if ((*p)[1] != '"') {
                (*p)++;
                break;
            }
            (*p)++;
        } else if (!quoted && (**p == ',' || **p == '\n')) {
            break;
        }
        text_add_bytes(field, *p, 1);
    }
    char end = **p;
    *p += end != '\0';
    return end;
}

static void csv_is_exact(void **state)
{
    (void)state;
    random_stream r = random_new(2, "output", 0);
    text field = {0};
    for (int round = 0; round < 50; round++) {
        table *t = random_table(&r);
        char *got = written(t, FORMAT_CSV, &plain);
        const char *p = got;
        for (int64_t j = 0; j < 4; j++) {
            csv_field(&p, &field);
            assert_string_equal(text_get(&field), t->columns[j]);
        }
        for (int64_t i = 0; i < t->row_count; i++) {
            const cell *c = &t->cells[i * t->column_count];
            double real = NAN;
            int64_t integer = 0;
            assert_int_equal(csv_field(&p, &field), ',');
            assert_string_equal(text_get(&field), c[0].words);
            csv_field(&p, &field);
            assert_true(text_to_real(text_get(&field), &real) && real == c[1].real);
            csv_field(&p, &field);
            assert_true(text_to_real(text_get(&field), &real) && real == c[2].real);
            assert_int_equal(csv_field(&p, &field), '\n');
            assert_true(text_to_integer(text_get(&field), &integer));
            assert_int_equal(integer, c[3].integer);
        }
        assert_int_equal(*p, '\0');
        memory_free(got);
        table_free(t);
    }
    text_clear(&field);
}

static void terminals_are_safe(void **state)
{
    (void)state;
    table *t = table_new(NULL);
    table_row(t);
    table_text(t, "w",
               "\033[31mred\a\x7f \xc2\x9b"
               "31m\nnext");
    char *got = written(t, FORMAT_TEXT, &plain);
    assert_non_null(strstr(got, "?[31mred?? ?31m next\n"));
    memory_free(got);
    table_free(t);
}

static void empty_tables_are_fine(void **state)
{
    (void)state;
    table *t = table_new(NULL);
    for (int f = 0; f < FORMAT_COUNT; f++) {
        char *got = written(t, (output_format)f, &plain);
        assert_string_equal(
            got, f == FORMAT_JSON
                     ? "{\"command\": \"eval\", \"rows\": [], \"seconds\": 0.25}\n"
                     : "");
        memory_free(got);
    }
    table_free(t);
}

static void endings_say_the_format(void **state)
{
    static const struct {
        const char *path;
        int format; /* -1: none */
    } rows[] = {{"a.csv", FORMAT_CSV},
                {"x/y.md", FORMAT_MARKDOWN},
                {"t.tex", FORMAT_TEX},
                {"t.json", FORMAT_JSON},
                {"t.txt", FORMAT_TEXT},
                {"t.cs", -1},
                {"t", -1},
                {"t.csv.gz", -1},
                {".csv/t", -1},
                {"t. ", -1},
                {"t.averylongendingindeed", -1}};
    (void)state;
    output_format f;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool found = output_format_of_file(rows[i].path, &f);
        assert_int_equal(found ? (int)f : -1, rows[i].format);
    }
    for (int i = 0; i < FORMAT_COUNT; i++) {
        assert_true(output_format_find(output_format_name((output_format)i), &f));
        assert_int_equal(f, i);
    }
    assert_false(output_format_find("xml", &f));
}

/* ---- progress ---- */

static void progress_fits(void **state)
{
    (void)state;
    progress_view v;
    const output_style style = {80, true, false};
    progress_begin(&v, PROGRESS_NONE, &style, NULL);
    assert_null(v.task.report);
    progress_begin(&v, PROGRESS_BAR, &style, NULL);
    v.drawn = 1e30; /* nothing is drawn here */
    progress p = {
        .stage = "train", .unit = "batch", .total = 100, .epochs = 5, .metric = NAN};
    for (int i = 1; i <= 250; i++) {
        p.epoch = 1 + (i - 1) / 100;
        p.done = (i - 1) % 100 + 1;
        p.loss = 1.0 / i;
        task_report(&v.task, &p);
    }
    v.began = 100;
    for (int columns = 1; columns < 140; columns++) {
        text line = {0};
        progress_line(&v, &p, 130, columns, &line);
        assert_in_range(text_columns(text_get(&line)), 0, columns);
        if (columns >= 30)
            assert_non_null(strstr(text_get(&line), "train 50/100"));
        if (columns >= 60) {
            assert_non_null(strstr(text_get(&line), "epoch 3/5"));
            assert_non_null(strstr(text_get(&line), "loss 0.004"));
            assert_non_null(strstr(text_get(&line), "eta 30 s")); /* half is done */
        }
        if (columns >= 100)
            assert_non_null(strstr(text_get(&line), "█"));
        text_clear(&line);
    }
    progress_end(&v);
}

static void progress_knows_stages(void **state)
{
    (void)state;
    progress_view v;
    const output_style style = {80, false, false};
    progress_begin(&v, PROGRESS_BAR, &style, NULL);
    v.drawn = 1e30;
    progress p = {.stage = "simulate",
                  .unit = "sample",
                  .done = 8,
                  .total = 10,
                  .loss = NAN,
                  .metric = NAN};
    task_report(&v.task, &p);
    assert_true(v.share == 0.8);
    p = (progress){
        .stage = "evaluate", .done = 1, .total = 10, .loss = NAN, .metric = NAN};
    task_report(&v.task, &p);
    assert_true(v.share == 0.1);
    /* validation within epochs is no step back */
    p = (progress){.stage = "train", .done = 10, .total = 10, .epoch = 2, .epochs = 4};
    task_report(&v.task, &p);
    assert_true(v.share == 0.5);
    p.stage = "validate";
    p.done = 1;
    task_report(&v.task, &p);
    assert_true(v.share == 0.5);
    /* no total, no end */
    p = (progress){.stage = NULL, .done = 3, .total = 0, .loss = NAN, .metric = NAN};
    task_report(&v.task, &p);
    text line = {0};
    progress_line(&v, &p, v.began + 1, 0, &line);
    assert_null(strstr(text_get(&line), "eta"));
    text_clear(&line);
    progress_end(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_as_agreed),
        cmocka_unit_test(narrow_terminals_get_records),
        cmocka_unit_test(intervals_stand_with_their_numbers),
        cmocka_unit_test(last_words_are_broken),
        cmocka_unit_test(no_line_is_too_wide),
        cmocka_unit_test(numbers_line_up),
        cmocka_unit_test(json_is_exact),
        cmocka_unit_test(json_takes_any_bytes),
        cmocka_unit_test(csv_is_exact),
        cmocka_unit_test(terminals_are_safe),
        cmocka_unit_test(empty_tables_are_fine),
        cmocka_unit_test(endings_say_the_format),
        cmocka_unit_test(progress_fits),
        cmocka_unit_test(progress_knows_stages),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
