/* SPDX-License-Identifier: GPL-3.0-or-later
   test_report.c -- templates into reports: what is written is compared with what was worked
   out by hand from the study, and what cannot be made says where and why. */
#include "support.h"
#include "support_report.h"

#include <stdio.h>
#include <string.h>

#include "report/csv.h"

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

/* ---- forms and sources ---- */

static void forms_write_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        double value;
        const char *words;
    } rows[] = {
        {"f3", 2.0005, "2.001"},
        {"f0", -0.4, "0"},
        {"e2", 0.00012345, "1.23e-04"},
        {"p2", 0.9895, "98.95"},
        {"+P2", 0.0047, "+0.47"},
        {"+p1", -0.741, "-74.1"},
        {"K2", 1536, "1.50"},
        {"M3", 4799528, "4.577"},
        {"i", 1199882, "1,199,882"},
        {"i", -1000, "-1,000"},
        {"i", 999, "999"},
        {"w", 0.5, "0.5"},
        {"G1", 1610612736, "1.5"},
        {"+f1", 0.04, "0.0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        form f;
        text words = {0}, token = {0};
        assert_true(form_read_token(rows[i].token, &f));
        form_write(f, &(cell){.kind = CELL_REAL, .real = rows[i].value}, &words);
        assert_string_equal(text_get(&words), rows[i].words);
        form_token(f, &token);
        assert_string_equal(text_get(&token), rows[i].token);
        text_clear(&words);
        text_clear(&token);
    }
}

static void sources_are_read_back(void **state)
{
    (void)state;
    static const char *const good[] = {"12/1/accuracy p2",
                                       "12/0/seed w",
                                       "12/3/bytes change 1/2/bytes +p1",
                                       "=0.878 p1",
                                       "3/1/median_ms over =8.83 f2",
                                       "9/1/a.b-c_low minus 9/2/a.b-c_low +e3"};
    static const char *const bad[] = {
        "",        "12/1/accuracy",  "12/accuracy p2", "0/1/x f2",
        "=x f2",   "1/1/x f99",      "1/1/x p2 more",  "1/1/x q2",
        "1/1/ f2", "1/1/x minus f2", "-1/1/x f2",      "99999999999999999999999/1/x f2"};
    source k;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        text words = {0};
        assert_true(source_read(good[i], &k));
        source_write(&k, &words);
        assert_string_equal(text_get(&words), good[i]);
        text_clear(&words);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (source_read(bad[i], &k))
            fail_msg("'%s' was read", bad[i]);
}

/* ---- templates ---- */

static void expect(const char *words, const char *wanted)
{
    text out = {0};
    report_counts counts;
    study_report(&s, words, "r.md", &out, &counts);
    if (!strstr(text_get(&out), wanted))
        fail_msg("'%s' is not in:\n%s", wanted, text_get(&out));
    text_clear(&out);
}

static void numbers_are_looked_up(void **state)
{
    (void)state;
    expect("{{accuracy | model = m8 and command = eval}}",
           "[98.95](#run-3 \"3/3/accuracy p2\") %");
    expect(
        "{{bytes | model = m and command = eval | change model = m8 and command = eval}}",
        "[+300.0](#run-3 \"3/1/bytes change 3/3/bytes +p1\") %");
    expect(
        "{{accuracy|model = m50 and command = eval|minus model = m and command = eval}}",
        "[-0.47](#run-3 \"3/2/accuracy minus 3/1/accuracy +P2\") points");
    expect("{{median_ms | model = m and command = bench "
           "| over model = m8 and command = bench | .1}}",
           "[5.0](#run-6 \"6/1/median_ms over 6/2/median_ms f1\") \xc3\x97");
    expect("{{accuracy_low | model = m and command = eval | %1}}",
           "[98.0](#run-3 \"3/1/accuracy_low p1\") %");
    expect("{{amount | command = prune | %0}}", "[90](#run-4 \"4/1/amount p0\") %");
    expect("@let base model = m and command = eval\n{{bytes | $base | MiB3}}",
           "[4.577](#run-3 \"3/1/bytes M3\") MiB");
    /* The last run wins. */
    expect("{{accuracy | model = m8}}", "[98.95](#run-5 \"5/1/accuracy p2\") %");
    expect("{{met | model = m8}}", "[yes](#run-7 \"7/2/met w\")");
}

static void words_stay_words(void **state)
{
    (void)state;
    expect("a **b** *c* `d|e` <i> [f](https://g.org) [h](javascript:i)",
           "a **b** *c* `d|e` \\<i\\> [f](<https://g.org>) \\[h\\](javascript:i)");
    expect("@let who the gas\n# Of ${who}, $5 and $who", "# Of the gas, \\$5 and \\$who");
    expect("2. not a list", "2\\. not a list");
    expect("- one\n  goes on\n- two", "- one goes on\n- two\n");
    expect("```\n| # ``` <b>\n```", "````\n| # ``` <b>\n````");
    expect("@when command = goal\nno {{x}}\n@else\nyes\n@end\n// left out", "yes");
    expect("@when command = eval\nyes\n@else\nno {{x}}\n@end", "yes");
}

static void tables_have_rows_of_answers(void **state)
{
    (void)state;
    expect("@table where=\"command = eval\" columns=model,accuracy:%1=top-1,bytes:KiB1 "
           "sort=bytes against=\"model = m and command = eval\"",
           "| model | top-1, % | accuracy change, points | bytes, KiB | bytes change, % "
           "| run |\n|---|--:|--:|--:|--:|---|\n"
           "| [m50](#run-3 \"3/2/model w\") | [98.5](#run-3 \"3/2/accuracy p1\") | "
           "[-0.47](#run-3 \"3/2/accuracy minus 3/1/accuracy +P2\") | "
           "[469.5](#run-3 \"3/2/bytes K1\") | "
           "[-90.0](#run-3 \"3/2/bytes change 3/1/bytes +p1\") | [3](#run-3) |\n");
    expect("@table where=\"model = m8 and accuracy > 0\" columns=model,bytes each=model",
           "bytes, MiB | run |\n|---|--:|---|\n| [m8](#run-5 \"5/1/model w\")");
}

/* m8 is as good as m in a quarter of its bytes, m50 the smallest; intervals are a point
   wide on either side (support_report.c). */
static void models_come_to_what_they_cost(void **state)
{
    (void)state;
    expect("@summary", "Measured on the `test` samples: `m`, `m50`, `m8`.");
    expect("@summary", "- The smallest file: `m50`: `accuracy` ");
    expect("@summary", "- The fastest: `m8`: `accuracy` ");
    expect("@summary", "[0.5000](#run-7 \"7/2/median_ms f4\") ms "
                       "([-80.0](#run-7 \"7/2/median_ms change 7/1/median_ms +p1\") %)");
    expect("@conclusions",
           "([-90.0](#run-3 \"3/2/bytes change 3/1/bytes +p1\") %); the "
           "intervals of both overlap. No other is as small and as good.");
    expect("@conclusions", "Worth keeping, by size of the file and by `accuracy`: `m50`, "
                           "`m8`.");
    expect("@baseline", "| accuracy | [98.95](#run-3 \"3/1/accuracy p2\") % | "
                        "\\[[97.95](#run-3 \"3/1/accuracy_low p2\"), "
                        "[99.95](#run-3 \"3/1/accuracy_high p2\")\\] |");
    expect("@techniques",
           "### Pruning\n\n| model | amount, % | nonzero | accuracy, % | "
           "accuracy change, points | bytes, KiB | bytes change, % | run |");
    expect("@pipeline", "[compare m m8 latency=-40%](#run-7 \"7/0/line w\")");
    expect("@environment", "| seeds | [7](#run-1 \"1/0/seed w\") |");
    expect("@replay", "```\nset seed=7  # seed of run 1\ndata d fashion  # run 1\n");
}

static void published_stands_beside_measured(void **state)
{
    (void)state;
    study_write(&s, "p.csv",
                "# of a paper\nsection,row,key,published,where,note\n"
                "One,\"dense, as it is\",accuracy,0.99,command = eval and model = "
                "m,\"say \"\"so\"\"\"\n"
                "One,pruned,bytes,961592,command = eval and model = m50,\n"
                "Two,on a GPU,median_ms,8.83,,there is none\n"
                "Two,other,accuracy,0.5,model = nobody,\n");
    expect("@published $out/p.csv",
           "| dense, as it is | `accuracy` | 99.00<!-- =0.99 p2 --> % | "
           "[98.95](#run-3 \"3/1/accuracy p2\") % | "
           "\\[[97.95](#run-3 \"3/1/accuracy_low p2\"), "
           "[99.95](#run-3 \"3/1/accuracy_high p2\")\\] | "
           "[-0.05](#run-3 \"3/1/accuracy minus =0.99 +P2\") points | [3](#run-3) | "
           "say \"so\" |\n");
    expect("@published $out/p.csv", "[0.5000](#run-3 \"3/2/bytes over =961592 f4\")");
    expect("@published $out/p.csv section=Two",
           "| 8.830<!-- =8.83 f3 --> ms | not measured | there is none |");
    expect("@published $out/p.csv section=Two",
           "| not measured | no run here was of this kind |");
}

static void figures_are_known_by_their_bytes(void **state)
{
    (void)state;
    text out = {0};
    report_counts counts;
    expect("@figure $out/figure caption=\"It *fell*\"",
           "![It fell](<figure.svg> \"digest ");
    study_report(&s, "@figure $out/figure", "sub/r.tex", &out, &counts);
    assert_non_null(strstr(text_get(&out), "}{../figure.pdf}"));
    assert_int_equal(counts.figures, 1);
    text_clear(&out);
    study_write(&s, "figure.svg", "another");
    error e = study_refuses(&s, "@figure $out/figure.svg");
    assert_non_null(strstr(e.text, "not the file that run 8 drew"));
}

static void what_cannot_be_made_says_where(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"# a\n\nb {{nothing | model = m}}",
         "t.report:3: no run has 'nothing' where model"},
        {"{{accuracy | model >}}", "t.report:1: at the end"},
        {"{{accuracy | model = m", "'{{' without '}}'"},
        {"{{model | model = m | minus model = m8}}", "is no number"},
        {"{{a|b = 1|minus c = 1|.1|d}}", "more than 4 parts"},
        {"{{bad key}}", "is no key"},
        {"@tabel columns=a", "there is no directive '@tabel'"},
        {"@table", "wants columns="},
        {"@table columns=model wher=\"a = 1\"", "has no 'wher='"},
        {"@table columns=model where=\"model = nobody\"", "no run is there"},
        {"@table columns=model:q", "'q' is no form"},
        {"@figure nothing.svg", "no run drew 'nothing.svg'"},
        {"@published nothing.csv", "nothing.csv"},
        {"@when a = 1\n", "@when without @end"},
        {"@end", "@end without @when"},
        {"@when run = 1\n@else\n@else\n@end", "a second @else"},
        {"```\ncode", "'```' without its end"},
        {"@let 1 x", "@let wants a name"},
        {"@table columns=$nobody", "there is no '$nobody'"},
        {"@table columns=\"model", "closing quote"},
        {"@receipts\n@receipts", "a second @receipts"},
        {"@figure a \\\n b", "t.report:2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = study_refuses(&s, rows[i][0]);
        if (!strstr(e.text, rows[i][1]))
            fail_msg("'%s': '%s' is not '%s'", rows[i][0], e.text, rows[i][1]);
    }
}

static void tables_of_words_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"a,b\n1\n", "a,b\n1,2,3\n", "a\n\"1\n"};
    error e = {0};
    table *t = table_new(NULL);
    const char words[] = "a,b\r\n\"x,\"\"y\"\"\nz\",\r\n\n#c\n1,2";
    assert_int_equal(csv_read(words, sizeof words - 1, t, &e), E_OK);
    assert_int_equal(t->row_count, 2);
    assert_string_equal(table_get(t, 0, table_column(t, "a"))->words, "x,\"y\"\nz");
    assert_string_equal(table_get(t, 0, table_column(t, "b"))->words, "");
    assert_string_equal(table_get(t, 1, table_column(t, "b"))->words, "2");
    assert_int_equal(table_get(t, 1, table_column(t, "#line"))->integer, 6);
    table_free(t);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        t = table_new(NULL);
        assert_int_equal(csv_read(bad[i], strlen(bad[i]), t, &e), E_FORMAT);
        table_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_write_numbers),
        cmocka_unit_test(sources_are_read_back),
        cmocka_unit_test_setup_teardown(numbers_are_looked_up, make, remove_all),
        cmocka_unit_test_setup_teardown(words_stay_words, make, remove_all),
        cmocka_unit_test_setup_teardown(tables_have_rows_of_answers, make, remove_all),
        cmocka_unit_test_setup_teardown(models_come_to_what_they_cost, make, remove_all),
        cmocka_unit_test_setup_teardown(published_stands_beside_measured, make,
                                        remove_all),
        cmocka_unit_test_setup_teardown(figures_are_known_by_their_bytes, make,
                                        remove_all),
        cmocka_unit_test_setup_teardown(what_cannot_be_made_says_where, make, remove_all),
        cmocka_unit_test(tables_of_words_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
