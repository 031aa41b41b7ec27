/* SPDX-License-Identifier: GPL-3.0-or-later
   test_option.c -- declared options: defaults, good values, and the sentence for each bad
   one.  It declares rows of its own and knows no command. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* the name is base/error.h's */

#include "base/memory.h"
#include "base/option.h"
#include "base/text.h"

static const option rows_a[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to prune"},
    {"amount", OPTION_REAL, "0..1", "0.5", NULL, "share of weights"},
    {"epochs", OPTION_INTEGER, "1..", "10", NULL, "passes"},
    {"criterion", OPTION_WORD, "magnitude|random", "magnitude", NULL, "what is small"},
    {"packed", OPTION_FLAG, NULL, "yes", NULL, "store packed"},
    {"steps", OPTION_REALS, "0..1", NULL, NULL, "amounts one after the other"},
    {"sizes", OPTION_INTEGERS, "1..", NULL, NULL, "sizes"},
    {"layers", OPTION_WORDS, NULL, NULL, NULL, "layers"},
    {"keep", OPTION_WORDS, "first|last", NULL, NULL, "ends"},
    {"name", OPTION_NAME, NULL, NULL, NULL, "name"},
    {"budget", OPTION_REAL, "0.1..86400", "10m", "s", "time to spend"},
    {NULL}};
static const option rows_b[] = {{"g", OPTION_SPAN, "0..", "50:500", NULL, "interaction"},
                                {"note", OPTION_TEXT, NULL, NULL, NULL, "anything"},
                                {"file", OPTION_FILE, NULL, NULL, NULL, "path"},
                                {NULL}};

static void option_defaults(void **state)
{
    (void)state;
    option_set set;
    assert_int_equal(option_set_init(&set, rows_a, rows_b, NULL), E_OK);
    assert_int_equal(set.count, 14);
    assert_true(option_real(&set, "budget") == 600);
    assert_true(option_real(&set, "amount") == 0.5);
    assert_int_equal(option_integer(&set, "epochs"), 10);
    assert_true(option_is(&set, "criterion", "magnitude"));
    assert_true(option_flag(&set, "packed"));
    assert_false(option_given(&set, "amount"));
    assert_true(option_get(&set, "amount")->present);
    assert_null(option_words(&set, "model"));
    assert_false(option_get(&set, "model")->present);
    assert_int_equal(option_get(&set, "g")->count, 2);
    assert_true(option_get(&set, "g")->reals[0] == 50);
    assert_true(option_get(&set, "g")->reals[1] == 500);
    option_set_clear(&set);
    assert_int_equal(option_set_init(&set, NULL, NULL, NULL), E_OK);
    assert_int_equal(set.count, 0);
    error e = {0};
    assert_int_equal(option_set_put(&set, "x", "1", &e), E_NAME);
    option_set_clear(&set);
}

static void option_good_values(void **state)
{
    (void)state;
    option_set set;
    error e = {0};
    assert_int_equal(option_set_init(&set, rows_a, rows_b, NULL), E_OK);
    static const struct {
        const char *key, *words;
    } rows[] = {{"model", "m"},
                {"amount", ".9"},
                {"epochs", "3"},
                {"criterion", "random"},
                {"packed", "no"},
                {"steps", ".8,.9,.97"},
                {"sizes", "1,2,30"},
                {"layers", "inc,d.0"},
                {"keep", "first,last"},
                {"name", "m-2.b_c"},
                {"g", "7"},
                {"note", ""},
                {"file", "a b.png"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(option_set_put(&set, rows[i].key, rows[i].words, &e), E_OK);
        assert_string_equal(option_words(&set, rows[i].key), rows[i].words);
        assert_true(option_given(&set, rows[i].key));
    }
    assert_true(option_real(&set, "amount") == 0.9);
    assert_false(option_flag(&set, "packed"));
    const option_value *steps = option_get(&set, "steps");
    assert_int_equal(steps->count, 3);
    assert_true(steps->reals[2] == 0.97);
    assert_true(option_get(&set, "sizes")->reals[2] == 30);
    assert_string_equal(option_get(&set, "layers")->items[1], "d.0");
    assert_true(option_get(&set, "g")->reals[1] == 7);
    static const struct {
        const char *words;
        double seconds;
    } times[] = {{"7", 7}, {"0.5s", 0.5}, {"1.5m", 90}, {"2h", 7200}, {"1e3s", 1000}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_int_equal(option_set_put(&set, "budget", times[i].words, &e), E_OK);
        assert_true(option_real(&set, "budget") == times[i].seconds);
    }
    assert_int_equal(option_set_put(&set, "g", "1.5:2", &e), E_OK);
    assert_true(option_get(&set, "g")->reals[0] == 1.5);
    option_set_clear(&set);
}

static void option_bad_values(void **state)
{
    (void)state;
    static const struct {
        const char *key, *words;
        status code;
        const char *text, *hint;
    } rows[] = {
        {"amount", "2", E_RANGE, "amount=2: outside 0..1", ""},
        {"amount", "much", E_USAGE, "amount=much: a number is wanted",
         "amount may be 0..1"},
        {"amount", "2s", E_USAGE, "amount=2s: a number is wanted", "amount may be 0..1"},
        {"budget", "soon", E_USAGE, "budget=soon: a time as 90s, 10m or 2h is wanted",
         "budget may be 0.1..86400 s"},
        {"budget", "m", E_USAGE, "budget=m: a time as 90s, 10m or 2h is wanted",
         "budget may be 0.1..86400 s"},
        {"budget", "25h", E_RANGE, "budget=25h: outside 0.1..86400 s", ""},
        {"epochs", "0", E_RANGE, "epochs=0: outside 1..", ""},
        {"epochs", "1.5", E_USAGE, "epochs=1.5: a whole number is wanted",
         "epochs may be 1.."},
        {"criterion", "randon", E_USAGE, "criterion=randon: not one of magnitude, random",
         "did you mean 'random'?"},
        {"criterion", "", E_USAGE, "criterion=: not one of magnitude, random", ""},
        {"packed", "maybe", E_USAGE, "packed=maybe: yes or no is wanted", ""},
        {"steps", ".8,2", E_RANGE, "steps=2: outside 0..1", ""},
        {"steps", ".8,,1", E_USAGE, "steps=.8,,1: an item of the list is empty", ""},
        {"steps", ".8,", E_USAGE, "steps=.8,: an item of the list is empty", ""},
        {"sizes", "1,2.5", E_USAGE, "sizes=1,2.5: a list of whole numbers is wanted",
         "sizes may be 1.."},
        {"keep", "first,lost", E_USAGE, "keep=lost: not one of first, last",
         "did you mean 'last'?"},
        {"g", "5:1", E_RANGE, "g=5:1: the low end is above the high end", ""},
        {"g", "-1:1", E_RANGE, "g=-1:1: outside 0..", ""},
        {"g", "1:2:3", E_USAGE, "g=1:2:3: LOW:HIGH or one number is wanted",
         "g may be 0.."},
        {"name", "a b", E_USAGE, "name=a b: a name is wanted",
         "a name is letters, digits, '_', '-' and '.', a letter first"},
        {"name", "", E_USAGE, "name=: a name is wanted",
         "a name is letters, digits, '_', '-' and '.', a letter first"},
        {"model", "", E_USAGE, "model=: the name of a model is wanted", ""},
        {"epoch", "3", E_NAME, "no option 'epoch'", "did you mean 'epochs'?"},
        {"zzz", "3", E_NAME, "no option 'zzz'",
         "options: model, amount, epochs, criterion, packed, steps, sizes, layers, keep, "
         "name, budget, g, note, file"}};
    option_set set;
    assert_int_equal(option_set_init(&set, rows_a, rows_b, NULL), E_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        assert_int_equal(option_set_put(&set, rows[i].key, rows[i].words, &e),
                         rows[i].code);
        assert_string_equal(e.text, rows[i].text);
        assert_string_equal(e.hint, rows[i].hint);
    }
    /* What was there is kept. */
    assert_true(option_real(&set, "amount") == 0.5);
    assert_true(option_is(&set, "criterion", "magnitude"));
    assert_false(option_given(&set, "epochs"));
    text many = {0};
    for (int i = 0; i < OPTION_LIST_MAX; i++)
        text_add(&many, i ? ",1" : "1");
    error e = {0};
    assert_int_equal(option_set_put(&set, "steps", text_get(&many), &e), E_OK);
    text_add(&many, ",1");
    assert_int_equal(option_set_put(&set, "steps", text_get(&many), &e), E_RANGE);
    assert_string_equal(e.text, "steps: a list of more than 64 items");
    text_clear(&many);
    option_set_clear(&set);
}

static void option_tables(void **state)
{
    (void)state;
    assert_ptr_equal(option_find(rows_a, "epochs"), &rows_a[2]);
    assert_null(option_find(rows_a, "epoch"));
    assert_null(option_find(NULL, "epoch"));
    static const char *const grammar[] = {"MODEL",
                                          "0..1",
                                          "1..",
                                          "magnitude|random",
                                          "yes|no",
                                          "NUMBER,... (0..1)",
                                          "INTEGER,... (1..)",
                                          "WORD,...",
                                          "first|last,...",
                                          "NAME"};
    for (size_t i = 0; i < sizeof grammar / sizeof *grammar; i++) {
        text t = {0};
        option_grammar(&rows_a[i], &t);
        assert_string_equal(text_get(&t), grammar[i]);
        text_clear(&t);
    }
    char buffer[16];
    assert_true(option_choice("a|bc|d", 1, buffer, sizeof buffer));
    assert_string_equal(buffer, "bc");
    assert_true(option_choice("a|bc|d", 2, buffer, sizeof buffer));
    assert_string_equal(buffer, "d");
    assert_false(option_choice("a|bc|d", 3, buffer, sizeof buffer));
    assert_false(option_choice(NULL, 0, buffer, sizeof buffer));
}

static void option_bad_default(void **state)
{
    (void)state;
    static const option rows[] = {
        {"amount", OPTION_REAL, "0..1", "7", NULL, "wrong by itself"}, {NULL}};
    option_set set;
    error e = {0};
    assert_int_equal(option_set_init(&set, rows, NULL, &e), E_RANGE);
    assert_null(set.values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(option_defaults),    cmocka_unit_test(option_good_values),
        cmocka_unit_test(option_bad_values),  cmocka_unit_test(option_tables),
        cmocka_unit_test(option_bad_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
