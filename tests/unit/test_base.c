/* SPDX-License-Identifier: GPL-3.0-or-later
   test_base.c -- errors, memory (failing allocations too), tasks, the processor.
   It holds the answers itself and asks no other part of lathe. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* the name is base/error.h's */

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cpu.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/option.h"
#include "base/table.h"
#include "base/task.h"
#include "base/text.h"

static void error_sentences(void **state)
{
    (void)state;
    error e = {0};
    assert_int_equal(fail(&e, E_SHAPE, "conv: %d rows, %d wanted", 3, 4), E_SHAPE);
    assert_int_equal(e.code, E_SHAPE);
    assert_string_equal(e.text, "conv: 3 rows, 4 wanted");
    assert_string_equal(e.hint, "");
    assert_int_equal(fail_hint(&e, "give %d", 4), E_SHAPE);
    assert_string_equal(e.hint, "give 4");
    assert_int_equal(fail_prefix(&e, "layer %s", "a"), E_SHAPE);
    assert_string_equal(e.text, "layer a: conv: 3 rows, 4 wanted");
    assert_string_equal(e.hint, "give 4");

    /* What both begin with is said once. */
    assert_int_equal(fail_prefix(&e, "layer b: again"), E_SHAPE);
    assert_string_equal(e.text, "layer b: again: layer a: conv: 3 rows, 4 wanted");
    fail(&e, E_SHAPE, "prune: a pattern");
    fail_prefix(&e, "prune: at 0.5");
    assert_string_equal(e.text, "prune: at 0.5: a pattern");
    fail_prefix(&e, "prune");
    assert_string_equal(e.text, "prune: at 0.5: a pattern");
    fail(&e, E_SHAPE, "conv: 3 rows, 4 wanted");
    fail_hint(&e, "give 4");
    fail_prefix(&e, "layer a");

    /* The sentence may be made of itself, and a new one drops the old hint. */
    fail(&e, E_FILE, "again: %s", e.text);
    assert_string_equal(e.text, "again: layer a: conv: 3 rows, 4 wanted");
    assert_string_equal(e.hint, "");

    error_clear(&e);
    assert_int_equal(e.code, E_OK);
    assert_string_equal(e.text, "");

    assert_int_equal(fail(NULL, E_NAME, "nobody reads"), E_NAME);
    assert_int_equal(fail_hint(NULL, "nobody reads"), E_USAGE);
    assert_int_equal(fail_prefix(NULL, "nobody reads"), E_USAGE);
    error_clear(NULL);
}

static void error_long_sentences_are_cut(void **state)
{
    (void)state;
    char words[2000];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    error e = {0};
    fail(&e, E_NAME, "%s", words);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    fail_prefix(&e, "front");
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_true(text_starts(e.text, "front: xxx"));
    fail_prefix(&e, "%s", words);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    fail_hint(&e, "%s", words);
    assert_int_equal(strlen(e.hint), sizeof e.hint - 1);
}

static status try_twice(status first, status second)
{
    TRY(first);
    TRY(second);
    return E_OK;
}

static void error_try_leaves(void **state)
{
    (void)state;
    assert_int_equal(try_twice(E_OK, E_OK), E_OK);
    assert_int_equal(try_twice(E_FILE, E_NAME), E_FILE);
    assert_int_equal(try_twice(E_OK, E_NAME), E_NAME);
}

static void memory_blocks(void **state)
{
    (void)state;
    error e = {0};
    size_t before = memory_in_use();
    memory_peak_reset();
    assert_int_equal(memory_peak(), before);
    for (int64_t count = 0; count < 300; count += 7) {
        unsigned char *block = memory_new(count, 3, &e);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        assert_int_equal(memory_in_use(), before + (size_t)count * 3);
        for (int64_t i = 0; i < 3 * count; i++)
            assert_int_equal(block[i], 0);
        if (count)
            memset(block, 0xff, (size_t)count * 3);
        memory_free(block);
    }
    assert_int_equal(memory_in_use(), before);
    assert_int_equal(memory_peak(), before + 294 * 3);
    memory_free(NULL);
    assert_true(memory_resident_peak() > 100000);
    assert_true(memory_available() > 0);
}

static void memory_refuses(void **state)
{
    (void)state;
    static const struct {
        int64_t count;
        size_t size;
    } rows[] = {{-1, 4},       {INT64_MAX, 8},       {INT64_MAX, 1}, {INT64_MAX / 4, 4},
                {1, SIZE_MAX}, {INT64_C(1) << 48, 1}};
    size_t before = memory_in_use();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        assert_null(memory_new_raw(rows[i].count, rows[i].size, &e));
        assert_int_equal(e.code, E_MEMORY);
        assert_true(text_starts(e.text, "memory: "));
        assert_null(memory_new_raw(rows[i].count, rows[i].size, NULL));
    }
    assert_int_equal(memory_in_use(), before);
}

static void memory_texts(void **state)
{
    (void)state;
    char *copy = memory_text("some words", NULL);
    assert_string_equal(copy, "some words");
    memory_free(copy);
    char *words = memory_format(NULL, "%s-%05d", "layer", 42);
    assert_string_equal(words, "layer-00042");
    memory_free(words);
}

static void memory_grows(void **state)
{
    (void)state;
    int64_t *items = NULL, capacity = 0;
    for (int64_t n = 1; n <= 1000; n++) {
        int64_t old = capacity;
        void *block = items;
        assert_int_equal(memory_grow(&block, &capacity, n, sizeof *items, NULL), E_OK);
        items = block;
        assert_true(capacity >= n);
        for (int64_t i = old; i < capacity; i++)
            assert_int_equal(items[i], 0);
        items[n - 1] = n;
    }
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i + 1);
    void *block = items;
    error e = {0};
    int64_t kept = capacity;
    assert_int_equal(memory_grow(&block, &capacity, INT64_MAX / 2, 8, &e), E_MEMORY);
    assert_ptr_equal(block, items);
    assert_int_equal(capacity, kept);
    memory_free(items);
}

/* What the child does whose third allocation fails: 0 where all is as it should be. */
static int failing_child(void)
{
    error e = {0};
    void *first = memory_new(1, 8, &e), *second = memory_new(1, 8, &e);
    text t = {0};
    text_add(&t, "the third allocation");
    text_add(&t, "is not tried again");
    void *after = memory_new(1, 8, &e);
    int result = 0;
    if (!first || !second || !after || e.code != E_OK)
        result = 1;
    else if (!t.failed || text_ok(&t, &e) != E_MEMORY)
        result = 2;
    else if (text_take(&t, &e) || e.code != E_MEMORY || t.data || t.failed)
        result = 3;
    else if (memory_in_use() != 24)
        result = 4;
    memory_free(first);
    memory_free(second);
    memory_free(after);
    return result;
}

/* A table whose N-th allocation fails must say so and lose nothing. */
static int failing_table_child(void)
{
    table *t = table_new(NULL);
    if (t) {
        for (int i = 0; i < 20; i++) {
            table_row(t);
            table_text(t, "words", "some");
            table_integer(t, i % 2 ? "odd" : "even", i);
        }
        table *copy = table_copy(t, NULL);
        bool whole = table_ok(t, NULL) == E_OK && copy && copy->row_count == 20;
        table_free(copy);
        table_free(t);
        if (whole)
            return 5; /* more allocations were made than there are */
    }
    return memory_in_use() == 0 ? 0 : 6;
}

static const option failing_rows[] = {
    {"amount", OPTION_REAL, "0..1", "0.5", NULL, "share of weights"},
    {"criterion", OPTION_WORD, "magnitude|random", "magnitude", NULL, "what is small"},
    {"layers", OPTION_WORDS, NULL, NULL, NULL, "layers"},
    {NULL}};

static int failing_option_child(void)
{
    error e = {0};
    option_set set;
    status result = option_set_init(&set, failing_rows, NULL, &e);
    if (result == E_OK) {
        result = option_set_put(&set, "layers", "first,last", &e);
        if (result == E_OK)
            result = option_set_put(&set, "amount", "0.9", &e);
        if (result == E_OK && option_set_put(&set, "nonsense", "1", &e) == E_MEMORY)
            result = E_MEMORY;
        option_set_clear(&set);
    }
    if (memory_in_use() != 0)
        return 6;
    return result == E_OK ? 5 : result == E_MEMORY && e.code == E_MEMORY ? 0 : 7;
}

static const struct {
    const char *name;
    int (*run)(void);
} children[] = {{"memory", failing_child},
                {"table", failing_table_child},
                {"option", failing_option_child}};

/* The exit status of this program run as the child NAME, its N-th allocation failing. */
static int run_child(const char *name, int n)
{
    extern char **environ;
    char number[16];
    snprintf(number, sizeof number, "%d", n);
    setenv("LATHE_FAIL_ALLOC", number, 1);
    char *arguments[] = {(char *)"test_base", (char *)name, NULL};
    pid_t child;
    assert_int_equal(
        posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ), 0);
    unsetenv("LATHE_FAIL_ALLOC");
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

static void memory_fails_when_asked(void **state)
{
    (void)state;
    assert_int_equal(run_child("memory", 3), 0);
    for (int which = 1; which < 3; which++) {
        int n = 1, result;
        while ((result = run_child(children[which].name, n)) == 0)
            n++;
        assert_int_equal(result, 5); /* whole again once no allocation failed */
        assert_true(n > 5);
    }
}

static void cpu_answers(void **state)
{
    (void)state;
    error e = {0};
    setenv("LATHE_CPU", "abacus", 1);
    assert_int_equal(cpu_start(&e), E_RANGE);
    assert_string_equal(e.text,
                        "LATHE_CPU=abacus: not one of scalar, avx2, avx512, vnni, amx");
    setenv("LATHE_CPU", "avx2", 1);
    assert_int_equal(cpu_start(&e), E_OK);
    assert_true(cpu_get_level() <= CPU_AVX2);
    unsetenv("LATHE_CPU");
    assert_string_equal(cpu_level_name(CPU_VNNI), "vnni");
    assert_true(strlen(cpu_model_name()) > 0);
    cpu_set_threads(3);
    assert_int_equal(cpu_threads(), 3);
    cpu_set_threads(1000);
    assert_int_equal(cpu_threads(), 256);
    setenv("OMP_NUM_THREADS", "5,2", 1);
    cpu_set_threads(0);
    assert_int_equal(cpu_threads(), 5);
    unsetenv("OMP_NUM_THREADS");
    cpu_set_threads(0);
    assert_true(cpu_threads() >= 1);
}

static void count_report(void *context, const progress *p)
{
    *(int64_t *)context += p->done;
}

static void task_passes_on(void **state)
{
    (void)state;
    volatile sig_atomic_t cancel = 0;
    int64_t sum = 0;
    task t = {count_report, &sum, &cancel};
    progress p = {.stage = "train", .done = 4, .total = 9};
    task_report(&t, &p);
    task_report(&t, &p);
    task_report(NULL, &p);
    assert_int_equal(sum, 8);
    assert_false(task_cancelled(&t));
    cancel = 1;
    assert_true(task_cancelled(&t));
    assert_false(task_cancelled(NULL));
    double before = task_clock();
    usleep(2000);
    assert_true(task_clock() - before >= 0.002);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof children / sizeof *children; i++)
        if (text_equal(argv[1], children[i].name))
            return children[i].run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_sentences),
        cmocka_unit_test(error_long_sentences_are_cut),
        cmocka_unit_test(error_try_leaves),
        cmocka_unit_test(memory_blocks),
        cmocka_unit_test(memory_refuses),
        cmocka_unit_test(memory_texts),
        cmocka_unit_test(memory_grows),
        cmocka_unit_test(memory_fails_when_asked),
        cmocka_unit_test(cpu_answers),
        cmocka_unit_test(task_passes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
