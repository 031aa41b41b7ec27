/* SPDX-License-Identifier: GPL-3.0-or-later
   test_text.c -- the growing string, distances between words, numbers as words, columns.
   It holds the answers itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* the name is base/error.h's */

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"

static void text_grows(void **state)
{
    (void)state;
    text t = {0};
    assert_string_equal(text_get(&t), "");
    text_add(&t, "");
    text_add(&t, "one");
    text_add_bytes(&t, " two and", 4);
    text_addf(&t, " %s %d", "three", 4);
    assert_string_equal(text_get(&t), "one two three 4");
    assert_int_equal(t.length, 15);
    for (int i = 0; i < 10000; i++)
        text_addf(&t, "%d,", i);
    assert_int_equal(t.length, 15 + 10000 + 10 + 180 + 2700 + 36000);
    assert_int_equal(strlen(text_get(&t)), t.length);
    assert_int_equal(text_ok(&t, NULL), E_OK);
    text_clear(&t);
    assert_string_equal(text_get(&t), "");
    char *empty = text_take(&t, NULL);
    assert_string_equal(empty, "");
    memory_free(empty);
    text_add(&t, "taken");
    char *words = text_take(&t, NULL);
    assert_string_equal(words, "taken");
    assert_null(t.data);
    memory_free(words);
}

static void text_distances(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int distance;
    } rows[] = {{"", "", 0},           {"", "abc", 3},
                {"prune", "prune", 0}, {"epoch", "epochs", 1},
                {"prnue", "prune", 1}, {"kitten", "sitting", 3},
                {"ca", "abc", 3},      {"abcdef", "badcfe", 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(text_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(text_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
    char words[65];
    memset(words, 'a', 64);
    words[64] = '\0';
    assert_int_equal(text_distance(words, "a"), 99);
    words[63] = '\0';
    assert_int_equal(text_distance(words, "a"), 62);
}

static void text_nearest_word(void **state)
{
    (void)state;
    static const char *const words[] = {"train", "prune", "plot", "quantize", "lr"};
    assert_string_equal(text_nearest("prnue", words, 5), "prune");
    assert_string_equal(text_nearest("quantise", words, 5), "quantize");
    assert_string_equal(text_nearest("plto", words, 5), "plot");
    assert_null(text_nearest("zzzzzz", words, 5));
    assert_null(text_nearest("ls", words, 5)); /* too short to guess from */
    assert_null(text_nearest("", words, 5));
    assert_null(text_nearest("train", words, 0));
}

static void text_questions(void **state)
{
    (void)state;
    assert_true(text_starts("prune", "pr"));
    assert_true(text_starts("prune", ""));
    assert_false(text_starts("pr", "prune"));
    assert_true(text_ends("figure.png", ".png"));
    assert_false(text_ends("png", ".png"));
    assert_true(text_equal("a", "a"));
    assert_false(text_equal("a", "b"));
    assert_false(text_equal("a", NULL));
    assert_true(text_equal(NULL, NULL));
}

static void text_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        bool real, integer;
        double value;
    } rows[] = {
        {"1", true, true, 1},     {"-7", true, true, -7},      {"+5", true, true, 5},
        {".5", true, false, 0.5}, {"1e-3", true, false, 1e-3}, {"2.", true, false, 2},
        {"", false, false, 0},    {" 1", false, false, 0},     {"1 ", false, false, 0},
        {"1x", false, false, 0},  {"0x10", false, false, 0},   {"inf", false, false, 0},
        {"nan", false, false, 0}, {"1e999", false, false, 0},  {"-", false, false, 0},
        {"--1", false, false, 0}, {"e", false, false, 0},      {"1,5", false, false, 0},
        {".", false, false, 0},   {"1e", false, false, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double real = -99;
        int64_t integer = -99;
        assert_int_equal(text_to_real(rows[i].words, &real), rows[i].real);
        assert_int_equal(text_to_integer(rows[i].words, &integer), rows[i].integer);
        assert_true(real == (rows[i].real ? rows[i].value : -99));
        assert_true((double)integer == (rows[i].integer ? rows[i].value : -99));
    }
    int64_t integer;
    assert_true(text_to_integer("9223372036854775807", &integer));
    assert_true(integer == INT64_MAX);
    assert_true(text_to_integer("-9223372036854775808", &integer));
    assert_true(integer == INT64_MIN);
    assert_false(text_to_integer("9223372036854775808", &integer));
}

static void text_shortest_reals(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *words;
    } rows[] = {{0, "0"},
                {0.1, "0.1"},
                {1e21, "1e+21"},
                {1.0 / 3, "0.3333333333333333"},
                {0.1 + 0.2, "0.30000000000000004"},
                {-2.5, "-2.5"},
                {17314578, "17314578"},
                {5e-324, "4.94065645841247e-324"},
                {1.7976931348623157e308, "1.797693134862316e+308"}};
    char buffer[32];
    for (size_t i = 0; i + 1 < sizeof rows / sizeof *rows; i++)
        assert_string_equal(text_real(buffer, rows[i].value), rows[i].words);
    uint64_t bits = 88172645463325252u; /* Marsaglia's xorshift, for odd values */
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        assert_true(strtod(text_real(buffer, value), NULL) == value);
        char shorter[40];
        size_t digits = 0;
        for (const char *c = buffer; *c && *c != 'e'; c++)
            digits += *c >= (digits ? '0' : '1') && *c <= '9'; /* from the first not 0 */
        if (digits > 15) { /* one digit fewer would not have done */
            snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
            assert_true(strtod(shorter, NULL) != value);
        }
    }
    assert_string_equal(text_real(buffer, NAN), "nan");
}

static void text_amounts(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *bytes, *seconds;
    } rows[] = {{0, "0 B", "0 ns"},
                {1, "1 B", "1 s"},
                {1023, "1023 B", "17 min 03 s"},
                {1024, "1.0 KiB", "17 min 04 s"},
                {59.96, "60 B", "1 min 00 s"},
                {3599.7, "3.5 KiB", "1 h 00 min"},
                {69206016, "66.0 MiB", "19223 h 53 min"},
                {1048575, "1.0 MiB", "291 h 16 min"}};
    char buffer[32];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(text_bytes(buffer, rows[i].value), rows[i].bytes);
        assert_string_equal(text_seconds(buffer, rows[i].value), rows[i].seconds);
    }
    assert_string_equal(text_seconds(buffer, 0.00883), "8.83 ms");
    assert_string_equal(text_seconds(buffer, 2.5e-6), "2.5 us");
    assert_string_equal(text_seconds(buffer, 0.9996), "1 s");
    assert_string_equal(text_seconds(buffer, 12.34), "12.3 s");
}

static void text_widths(void **state)
{
    (void)state;
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("plain"), 5);
    assert_int_equal(text_columns("\xc3\xa4\xc3\xb6"), 2);
    assert_int_equal(text_columns("a\xff\xfe"), 3);    /* no UTF-8 */
    assert_int_equal(text_columns("\xc0\x80"), 2);     /* an overlong form */
    assert_int_equal(text_columns("\xe2\x96"), 2);     /* cut off */
    assert_int_equal(text_columns("\xe2\x96\x88"), 1); /* a full block */
    if (setlocale(LC_CTYPE, "C.UTF-8")) {
        assert_int_equal(text_columns("\xe7\xa5\x9e"), 2);
        assert_int_equal(text_columns("e\xcc\x81"), 1);
        setlocale(LC_CTYPE, "C");
    }
}

static void text_breaks_at_blanks(void **state)
{
    (void)state;
    assert_int_equal(text_fitting("", 10), 0);
    assert_int_equal(text_fitting("some words", 10), 10);
    assert_int_equal(text_fitting("some words", 9), 4);
    assert_int_equal(text_fitting("some words", 4), 4);
    assert_int_equal(text_fitting("some words", 3), 3);
    assert_int_equal(text_fitting("some words", 0), 1); /* it goes on */
    assert_int_equal(text_fitting("\xc3\xa4\xc3\xb6\xc3\xbc", 2), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows),
        cmocka_unit_test(text_distances),
        cmocka_unit_test(text_nearest_word),
        cmocka_unit_test(text_questions),
        cmocka_unit_test(text_numbers),
        cmocka_unit_test(text_shortest_reals),
        cmocka_unit_test(text_amounts),
        cmocka_unit_test(text_widths),
        cmocka_unit_test(text_breaks_at_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
