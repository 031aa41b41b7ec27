/* SPDX-License-Identifier: GPL-3.0-or-later
   test_words.c -- strings and numbers on their way into a gnuplot script, and the ticks
   of axes. */
#include <stdio.h>
#include <string.h>
#include "support.h"
#include "plots/figure.h"
#include "plots/style.h"

static void check_literal(figure_medium medium, bool unicode, const char *words,
                          int columns, const char *wanted)
{
    text script = {0};
    figure_call c = {.medium = medium, .unicode = unicode, .script = &script};
    figure_string(&c, words, columns);
    assert_string_equal(text_get(&script), wanted);
    text_clear(&script);
}

static void test_literals(void **state)
{
    (void)state;
    check_literal(MEDIUM_PAGE, true, "it's `x` $y \\", 0, "'it''s `x` $y \\'");
    check_literal(MEDIUM_PAGE, true, "a\nb\tc\x7f", 0, "'a b c '");
    check_literal(MEDIUM_PAGE, true, "\xff\xc0\x80 \xed\xa0\x80", 0,
                  "'\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
                  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd'");
    check_literal(MEDIUM_PAGE, true, "φ×10⁻³", 0, "'φ×10⁻³'");
    check_literal(MEDIUM_PAGE, true, "abcdefgh", 5, "'ab…gh'");
    check_literal(MEDIUM_PAGE, true, "abcde", 5, "'abcde'");
    check_literal(MEDIUM_LATEX, true, "2×10⁻³ _{%}", 0,
                  "'2$\\times$10$^{-3}$ \\_\\{\\%\\}'");
    check_literal(MEDIUM_LATEX, true, "\\input{x} [a] é ж", 0,
                  "'\\textbackslash{}input\\{x\\} {[}a] é ?'");
    check_literal(MEDIUM_TEXT, false, "−1×10⁻³ é", 0, "'-1x10^-3 ?'");
    check_literal(MEDIUM_TEXT, true, "−1", 0, "'−1'");
}

static void test_numbers(void **state)
{
    (void)state;
    char buffer[48];
    assert_string_equal(style_number(buffer, 0.00123, 2), "0.0012");
    assert_string_equal(style_number(buffer, -0.3, 1), "−0.3");
    assert_string_equal(style_number(buffer, 9.96e-5, 2), "1.0×10⁻⁴");
    assert_string_equal(style_number(buffer, 123456, 3), "1.23×10⁵");
    assert_string_equal(style_number(buffer, 1234, 2), "1234");
    assert_string_equal(style_number(buffer, 0, 2), "0");
}

static void test_axis(void **state)
{
    (void)state;
    text script = {0};
    figure_call c = {.script = &script};
    style_axis_set(&c, &(style_axis){.letter = 'y',
                                     .low = 2e-5,
                                     .high = 5e-2,
                                     .logarithmic = true,
                                     .length_mm = 60});
    assert_non_null(strstr(text_get(&script), "'10⁻⁴' 0.0001"));
    assert_non_null(strstr(text_get(&script), "'10⁻²' 0.01"));
    text_clear(&script);
    style_axis_set(&c, &(style_axis){.letter = 'x',
                                     .low = -0.13,
                                     .high = 0.13,
                                     .symmetric = true,
                                     .length_mm = 20});
    assert_non_null(strstr(text_get(&script), "('0' 0, '−0.1' -0.1, '0.1' 0.1)"));
    text_clear(&script);
    style_axis_set(
        &c, &(style_axis){.letter = 'y', .low = 0, .high = 2.4e6, .length_mm = 20});
    assert_non_null(strstr(text_get(&script), "'1 M' 1000000"));
    text_clear(&script);
    double low = 3, high = 3;
    style_widen(&low, &high, 0.1, false);
    assert_true(low < 3 && high > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_axis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
