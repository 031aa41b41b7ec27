/* SPDX-License-Identifier: GPL-3.0-or-later
   test_table.c -- rows, late columns, copies and joins of answers.
   Printing is tested with the output, not here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* the name is base/error.h's */

#include <math.h>
#include "base/memory.h"
#include "base/table.h"

static void cells_by_name(void **state)
{
    (void)state;
    table *t = table_new(NULL);
    table_none(t, "model"); /* before any row: only the column */
    assert_int_equal(t->column_count, 1);
    assert_int_equal(t->row_count, 0);
    table_row(t);
    table_text(t, "model", "m");
    table_integer(t, "parameters", 17314578);
    table_real(t, "loss", 0.25);
    table_flag(t, "packed", true);
    table_text(t, "note", NULL);
    assert_int_equal(t->column_count, 5);
    assert_int_equal(table_column(t, "loss"), 2);
    assert_int_equal(table_column(t, "lost"), -1);
    assert_string_equal(table_get(t, 0, 0)->words, "m");
    assert_int_equal(table_get(t, 0, 1)->integer, 17314578);
    assert_int_equal(table_get(t, 0, 3)->kind, CELL_FLAG);
    assert_true(table_get(t, 0, 3)->flag);
    assert_int_equal(table_get(t, 0, 4)->kind, CELL_NONE);
    assert_int_equal(table_get(t, 1, 0)->kind, CELL_NONE);
    assert_int_equal(table_get(t, 0, -1)->kind, CELL_NONE);
    table_text(t, "model", "renamed"); /* a cell may be set again */
    assert_string_equal(table_get(t, 0, 0)->words, "renamed");
    table_integer(t, "model", 3);
    assert_null(table_get(t, 0, 0)->words);
    assert_int_equal(table_ok(t, NULL), E_OK);
    table_free(t);
    table_free(NULL);
}

static void numbers_by_name(void **state)
{
    (void)state;
    table *t = table_new(NULL);
    table_row(t);
    table_integer(t, "epoch", 4);
    table_real(t, "loss", NAN);
    table_text(t, "model", "7");
    double x = -1;
    assert_true(table_number(t, 0, "epoch", &x));
    assert_true(x == 4);
    assert_true(table_number(t, 0, "loss", &x));
    assert_true(isnan(x));
    x = -1;
    assert_false(table_number(t, 0, "model", &x));
    assert_false(table_number(t, 0, "nothing", &x));
    assert_false(table_number(t, 1, "epoch", &x));
    assert_true(x == -1);
    table_free(t);
}

/* Column C appears in row C: what stands left and above must stay. */
static void columns_appear_late(void **state)
{
    (void)state;
    enum { N = 40 };
    table *t = table_new(NULL);
    for (int64_t row = 0; row < N; row++) {
        table_row(t);
        for (int64_t column = 0; column <= row; column++) {
            char *name = memory_format(NULL, "c%d", (int)column);
            char *words = memory_format(NULL, "%d/%d", (int)row, (int)column);
            table_text(t, name, words);
            memory_free(name);
            memory_free(words);
        }
    }
    assert_int_equal(t->column_count, N);
    for (int64_t row = 0; row < N; row++) {
        for (int64_t column = 0; column < N; column++) {
            const cell *c = table_get(t, row, column);
            assert_int_equal(c->kind, column <= row ? CELL_TEXT : CELL_NONE);
            if (column > row)
                continue;
            char *words = memory_format(NULL, "%d/%d", (int)row, (int)column);
            assert_string_equal(c->words, words);
            memory_free(words);
        }
    }
    table_free(t);
}

static void appended_by_name(void **state)
{
    (void)state;
    size_t before = memory_in_use();
    table *a = table_new(NULL), *b = table_new(NULL);
    table_row(a);
    table_text(a, "model", "one");
    table_real(a, "loss", 1);
    table_row(b);
    table_real(b, "loss", 2);
    table_text(b, "data", "d");
    table_append(a, b);
    assert_int_equal(a->column_count, 3);
    assert_int_equal(a->row_count, 2);
    assert_int_equal(table_get(a, 1, 0)->kind, CELL_NONE);
    assert_true(table_get(a, 1, 1)->real == 2);
    assert_string_equal(table_get(a, 1, 2)->words, "d");
    table_append(a, a); /* a table behind itself */
    assert_int_equal(a->row_count, 4);
    assert_string_equal(table_get(a, 2, 0)->words, "one");
    assert_string_equal(table_get(a, 3, 2)->words, "d");

    table *copy = table_copy(a, NULL);
    table_text(a, "data", "changed");
    assert_string_equal(table_get(copy, 3, 2)->words, "d");
    assert_int_equal(copy->row_count, 4);

    cell c = *table_get(copy, 0, 0);
    table_row(copy);
    table_cell(copy, "model", &c);
    assert_string_equal(table_get(copy, 4, 0)->words, "one");
    assert_ptr_not_equal(table_get(copy, 4, 0)->words, c.words);
    table_free(a);
    table_free(b);
    table_free(copy);
    assert_int_equal(memory_in_use(), before);
}

static void columns_without_rows(void **state)
{
    (void)state;
    table *t = table_new(NULL);
    table_none(t, "model");
    table_text(t, "data", "dropped, there is no row yet");
    table *copy = table_copy(t, NULL);
    assert_int_equal(copy->column_count, 2);
    assert_int_equal(copy->row_count, 0);
    table_row(copy);
    assert_int_equal(table_get(copy, 0, 1)->kind, CELL_NONE);
    table_free(t);
    table_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_by_name),        cmocka_unit_test(numbers_by_name),
        cmocka_unit_test(columns_appear_late),  cmocka_unit_test(appended_by_name),
        cmocka_unit_test(columns_without_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
