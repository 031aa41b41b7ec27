/* SPDX-License-Identifier: GPL-3.0-or-later
   test_sort.c -- radix sort against the library's comparison sort, equal keys and odd
   values included. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/sort.h"

enum { MOST = 3001 };

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void floats_come_in_order(void **state)
{
    (void)state;
    static float x[MOST], wanted[MOST], scratch[MOST];
    const int64_t sizes[] = {0, 1, 2, 255, 256, 257, MOST};
    random_stream r = random_new(1, "sort", 0);
    for (int k = 0; k < 7; k++) {
        for (int64_t i = 0; i < sizes[k]; i++)
            x[i] = (float)(random_normal(&r) * pow(10, random_between(&r, -40, 38)));
        memcpy(wanted, x, sizeof x);
        qsort(wanted, (size_t)sizes[k], sizeof *wanted, by_value);
        sort_floats(x, scratch, sizes[k]);
        for (int64_t i = 0; i < sizes[k]; i++)
            assert_true(x[i] == wanted[i]);
    }
}

static void odd_floats_have_their_places(void **state)
{
    (void)state;
    float x[] = {NAN, 0, INFINITY, -1, -0.0f, 1e-45f, -INFINITY, 1}, scratch[8];
    sort_floats(x, scratch, 8);
    const float wanted[] = {-INFINITY, -1, -0.0f, 0, 1e-45f, 1, INFINITY};
    assert_memory_equal(x, wanted, sizeof wanted);
    assert_true(isnan(x[7]));
}

static void equal_items_keep_their_order(void **state)
{
    (void)state;
    static sort_item items[MOST], scratch[MOST];
    random_stream r = random_new(2, "sort", 0);
    for (int32_t i = 0; i < MOST; i++)
        items[i] = (sort_item){(float)random_below(&r, 40) - 20, i};
    sort_items(items, scratch, MOST);
    for (int i = 1; i < MOST; i++)
        assert_true(
            items[i - 1].key < items[i].key ||
            (items[i - 1].key == items[i].key && items[i - 1].place < items[i].place));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_come_in_order),
        cmocka_unit_test(odd_floats_have_their_places),
        cmocka_unit_test(equal_items_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
