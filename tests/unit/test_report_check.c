/* SPDX-License-Identifier: GPL-3.0-or-later
   test_report_check.c -- reports against the database: a report as it was written holds,
   one in which any number, source, figure or line was changed does not; names that are
   markup elsewhere stay names; damaged reports are read without harm. */
#include "support.h"
#include "support_report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "report/check.h"

static const char *const files[] = {"r.html", "r.md", "r.tex"};
enum { FILES = 3 };

static study s;

static int make(void **state)
{
    (void)state;
    study_make(&s);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    study_remove(&s);
    return 0;
}

static void make_report(const char *words, const char *file, text *out)
{
    report_counts counts;
    study_report(&s, words, file, out, &counts);
}

static void reports_hold(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++) {
        text one = {0}, two = {0};
        make_report(NULL, files[i], &one);
        make_report(NULL, files[i], &two);
        assert_int_equal(study_faults(&s, files[i], &one), 0);
        assert_string_equal(text_get(&one), text_get(&two));
        /* The sections that this study has something for. */
        static const char *const wanted[] = {"Summary",      "Baseline",    "Pruning",
                                             "Quantization", "Pipeline",    "Deployment",
                                             "Conclusions",  "Environment", "Replay",
                                             "Receipts",     "2026"};
        for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
            if (!strstr(text_get(&one), wanted[k]))
                fail_msg("%s: no %s", files[i], wanted[k]);
        text_clear(&one);
        text_clear(&two);
    }
}

/* Changes the digit at AT, looks, and mends it. */
static void expect_found(const char *file, text *out, size_t at)
{
    char *digit = out->data + at, was = *digit;
    *digit = was == '9' ? '0' : (char)(was + 1);
    if (study_faults(&s, file, out) == 0)
        fail_msg("%s: a changed digit is not found at '%.60s'", file,
                 out->data + (at < 30 ? 0 : at - 30));
    *digit = was;
}

/* Every digit that is shown of a value: what the readers say is shown, where the words
   stand between the marks of their format. */
static void changed_digits_are_found(void **state)
{
    (void)state;
    static const char *const before[FILES] = {"\">", "[", "}{"};
    static const char *const after[FILES] = {"</a>", "](#run-", "}"};
    for (int i = 0; i < FILES; i++) {
        text out = {0};
        found_list list = {0};
        int64_t changed = 0;
        make_report("# R\n@table where=\"command = eval\" columns=model,accuracy,bytes "
                    "against=\"model = m and command = eval\"\n"
                    "{{accuracy | model = m}} {{median_ms | model = m8 | e2}}\n\n@replay",
                    files[i], &out);
        report_format_of_file(files[i], NULL)->read(text_get(&out), out.length, &list);
        for (int64_t k = 0; k < list.count; k++) {
            char mark[200];
            if (list.items[k].kind != FOUND_NUMBER || list.items[k].words[0] == '-' ||
                list.items[k].words[0] == 'm')
                continue;
            snprintf(mark, sizeof mark, "%s%s%s", before[i], list.items[k].words,
                     after[i]);
            const char *place = strstr(text_get(&out), mark);
            if (!place && strstr(list.items[k].source, "/line w"))
                continue; /* it has signs that the format escapes */
            assert_non_null(place);
            size_t begin = (size_t)(place - out.data) + strlen(before[i]);
            for (size_t n = 0; n < strlen(list.items[k].words); n++)
                if (out.data[begin + n] >= '0' && out.data[begin + n] <= '9') {
                    expect_found(files[i], &out, begin + n);
                    changed++;
                }
        }
        assert_true(changed > 40);
        /* And in a command line. */
        expect_found(files[i], &out,
                     (size_t)(strstr(text_get(&out), "epochs=5") - out.data) + 7);
        expect_found(files[i], &out,
                     (size_t)(strstr(text_get(&out), "seed=7") - out.data) + 5);
        found_clear(&list);
        text_clear(&out);
    }
}

/* OUT with the first FROM replaced. */
static void replace(const text *out, const char *from, const char *to, text *changed)
{
    const char *place = strstr(text_get(out), from);
    if (!place)
        fail_msg("no '%s' in:\n%s", from, text_get(out));
    text_add_bytes(changed, text_get(out), (size_t)(place - text_get(out)));
    text_add(changed, to);
    text_add(changed, place + strlen(from));
}

static void numbers_without_a_source_are_found(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"r.html", " data-source=\"3/1/accuracy p2\"", ""},
        {"r.html",
         "class=\"n\" href=\"#run-3\" data-run=\"3\" data-row=\"1\" "
         "data-key=\"accuracy\" data-source=\"3/1/accuracy p2\"",
         "class=\"x\""},
        {"r.html", "3/1/accuracy p2", "3/1/accuracy"},
        {"r.html", "3/1/accuracy p2", "9999/1/accuracy p2"},
        {"r.html", " data-digest=", " data-none="},
        {"r.html", "base64,PHN", "base64,PHM"},
        {"r.md", "[98.95](#run-3 \"3/1/accuracy p2\")", "98.95"},
        {"r.md", "[98.95](#run-3 \"3/1/accuracy p2\")", "[98.95](#run-3)"},
        {"r.md", "\"3/1/accuracy p2\"", "\"3/9/accuracy p2\""},
        {"r.md", "[3](#run-3)", "[3](#run-4)"},
        {"r.md", "<a id=\"run-3\"></a>3", "<a id=\"run-3\"></a>4"},
        {"r.html", "#run-3\">3<", "#run-3\">2<"},
        {"r.tex", "\\hypertarget{run-3}{3}", "\\hypertarget{run-3}{33}"},
        {"r.md", "\"digest ", "\"digests "},
        {"r.md", "(<figure.svg>", "(<runs.db>"},
        {"r.md", "(<figure.svg>", "(<no.svg>"},
        {"r.tex", "\\measured{3}{3/1/accuracy p2}{98.95}", "98.95"},
        {"r.tex", "\\drawn{", "\\includegraphics{"},
        {"r.tex", "{figure.pdf}", "{no.pdf}"},
        {"r.tex", "{3/1/accuracy p2}", "{3/1/nothing p2}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        text out = {0}, changed = {0};
        make_report("# R\n@table where=\"command = eval\" columns=model,accuracy\n"
                    "@figure $out/figure",
                    rows[i][0], &out);
        assert_int_equal(study_faults(&s, rows[i][0], &out), 0);
        replace(&out, rows[i][1], rows[i][2], &changed);
        if (study_faults(&s, rows[i][0], &changed) == 0)
            fail_msg("%s: '%s' for '%s' is not found", rows[i][0], rows[i][2],
                     rows[i][1]);
        text_clear(&out);
        text_clear(&changed);
    }
}

/* A figure that someone drew over is not what the report was about. */
static void changed_figures_are_found(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++) {
        text out = {0};
        make_report("@figure $out/figure", files[i], &out);
        assert_int_equal(study_faults(&s, files[i], &out), 0);
        study_write(&s, "figure.svg", "drawn over");
        study_write(&s, "figure.pdf", "drawn over");
        /* HTML holds its own. */
        assert_int_equal(study_faults(&s, files[i], &out), i > 0);
        study_remove(&s);
        study_make(&s);
        text_clear(&out);
    }
}

static void changed_ledgers_are_found(void **state)
{
    (void)state;
    text out = {0};
    int64_t run = study_record(&s, "bench x", "median_ms", "3.25");
    assert_int_equal(run, RUN_OTHER + 1);
    make_report("{{median_ms | line = 'bench x'}}", "r.md", &out);
    assert_int_equal(study_faults(&s, "r.md", &out), 0);
    study other;
    study_make(&other);
    study_record(&other, "bench x", "median_ms", "3.35");
    assert_int_equal(study_faults(&other, "r.md", &out), 1);
    study_remove(&other);
    text_clear(&out);
}

static void names_stay_names(void **state)
{
    (void)state;
    static const char name[] =
        "<script>alert(1)</script> | \\measured{1}{1/1/x f2}{3} "
        "[9](#run-1 \"1/1/x f2\") %_#&$^~ --- `x` \xff\x01 \xc2\x85";
    study_record(&s, "model x", "model", name);
    for (int i = 0; i < FILES; i++) {
        text out = {0};
        make_report("# {{model | line = 'model x'}}\n@table where=\"line = 'model x'\" "
                    "columns=model,line\n{{model | line = 'model x'}}\n\n@replay",
                    files[i], &out);
        assert_int_equal(study_faults(&s, files[i], &out), 0);
        const char *mark = strstr(text_get(&out), "<script");
        assert_true(!mark || (mark[-1] == '\\' && i == 1)); /* escaped in Markdown */
        assert_null(strchr(text_get(&out), '\xff'));
        assert_null(strchr(text_get(&out), '\x01'));
        text_clear(&out);
    }
}

/* Bytes changed, cut and doubled at places that a fixed stream draws. */
static void damaged_reports_do_no_harm(void **state)
{
    (void)state;
    random_stream r = random_new(1, "damage", 0);
    for (int i = 0; i < FILES; i++) {
        text out = {0};
        make_report(NULL, files[i], &out);
        for (int k = 0; k < 300; k++) {
            found_list list = {0};
            text damaged = {0};
            size_t cut = (size_t)random_below(&r, (int64_t)out.length + 1);
            size_t from = (size_t)random_below(&r, (int64_t)out.length + 1);
            text_add_bytes(&damaged, out.data, cut);
            text_add_bytes(&damaged, out.data + from, out.length - from);
            for (int n = 0; n < 8 && damaged.length > 0; n++)
                damaged.data[random_below(&r, (int64_t)damaged.length)] =
                    "<>\"'[](){}\\|&`%\n=/#0"[random_below(&r, 21)];
            report_format_of_file(files[i], NULL)
                ->read(text_get(&damaged), damaged.length, &list);
            assert_false(list.failed);
            found_clear(&list);
            text_clear(&damaged);
        }
        text_clear(&out);
    }
}

/* Much that opens and never closes is read in little time: a reader that looked to
   the end for each would take minutes. */
static void endless_marks_end(void **state)
{
    (void)state;
    static const char *const marks[] = {
        "[",        "![",    "`x``y", "<!--",           "\\measured{",
        "{",        "<a \"", "<img ", "<td>",           "[a](#run-1 \"",
        "\\begin{", "<pre>", "| ",    "<a class=\"r\">"};
    for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
        text words = {0};
        while (words.length < 1 << 17)
            text_add(&words, marks[k]);
        for (int i = 0; i < FILES; i++) {
            found_list list = {0};
            const clock_t begin = clock();
            report_format_of_file(files[i], NULL)
                ->read(text_get(&words), words.length, &list);
            double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
            if (seconds > 3)
                fail_msg("%s: %g s for '%s'", files[i], seconds, marks[k]);
            found_clear(&list);
        }
        text_clear(&words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reports_hold, make, remove_all),
        cmocka_unit_test_setup_teardown(changed_digits_are_found, make, remove_all),
        cmocka_unit_test_setup_teardown(numbers_without_a_source_are_found, make,
                                        remove_all),
        cmocka_unit_test_setup_teardown(changed_figures_are_found, make, remove_all),
        cmocka_unit_test_setup_teardown(changed_ledgers_are_found, make, remove_all),
        cmocka_unit_test_setup_teardown(names_stay_names, make, remove_all),
        cmocka_unit_test_setup_teardown(damaged_reports_do_no_harm, make, remove_all),
        cmocka_unit_test(endless_marks_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
