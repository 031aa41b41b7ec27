/* SPDX-License-Identifier: GPL-3.0-or-later
   test_spill.c -- data beyond the budget of memory: kept in files that leave nothing
   behind, brought in ahead, and trained on to the same bits. */
#include "support.h"
#include "support_phase.h"
#include "support_source.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/spill.h"
#include "base/text.h"
#include "data/prefetch.h"
#include "train/trainer_parts.h"

enum { MIB = 1 << 20 };

static void sizes_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        double bytes;
    } rows[] = {
        {"2GiB", 2147483648.0}, {"1.5KiB", 1536}, {"500MB", 5e8}, {"7", 7},
        {"1e9", 1e9},           {"x", -1},        {"", -1},       {"GiB", -1},
        {"-1MB", -1},           {"2 GiB x", -1},  {"2Gib", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double bytes = 0;
        const bool read = text_to_bytes(rows[i].words, &bytes);
        assert_int_equal(read, rows[i].bytes >= 0);
        assert_true(!read || bytes == rows[i].bytes);
    }
}

static int count_files(void)
{
    int count = 0;
    char *folder = file_cache_folder(NULL);
    DIR *stream = opendir(folder);
    for (const struct dirent *at; stream && (at = readdir(stream));)
        count += text_starts(at->d_name, "samples-");
    if (stream)
        closedir(stream);
    memory_free(folder);
    return count;
}

static void tensors_go_to_files(void **state)
{
    (void)state;
    error e = {0};
    const size_t before = memory_in_use();
    spill_set_budget(before + 6 * MIB);
    tensor *small = tensor_new(DTYPE_U8, shape_of(1, INT64_C(4) * MIB), &e);
    assert_true(small && !tensor_is_spilled(small));
    tensor *large = tensor_new(DTYPE_F32, shape_of(1, INT64_C(4) * MIB), &e);
    assert_true(large && tensor_is_spilled(large));
    assert_true(memory_in_use() < before + 5 * MIB);
    assert_int_equal(count_files(), 0); /* it has no name any more */
    float *x = tensor_write_f32(large, &e);
    for (int i = 0; i < 4 * MIB; i++)
        assert_true(x[i] == 0);
    for (int i = 0; i < 4 * MIB; i++)
        x[i] = (float)i;
    spill_settle(x, tensor_bytes(large));
    tensor *other = tensor_share(large, &e);
    float *y = tensor_write_f32(other, &e); /* a copy, in a file of its own */
    assert_true(y != x && tensor_is_spilled(other) &&
                y[4 * MIB - 1] == (float)(4 * MIB - 1));
    y[7] = -1;
    assert_true(tensor_f32(large)[7] == 7);
    tensor_free(other);
    tensor_free(large);
    tensor_free(small);
    spill_set_budget(0);
    assert_true(memory_in_use() == before);
    tensor *usual = tensor_new(DTYPE_F32, shape_of(1, INT64_C(4) * MIB), &e);
    assert_false(tensor_is_spilled(usual));
    tensor_free(usual);
}

static void says_that_the_disk_is_full(void **state)
{
    (void)state;
    error e = {0};
    spill_set_budget(1);
    assert_null(tensor_new(DTYPE_U8, shape_of(1, INT64_C(1) << 55), &e));
    assert_int_equal(e.code, E_FILE);
    assert_non_null(strstr(e.hint, "set memory="));
    spill_set_budget(0);
}

/* D with its input and target in files. */
static dataset *spilled_copy(const dataset *d)
{
    error e = {0};
    spill_set_budget(1);
    dataset *copy = dataset_copy(d, &e);
    assert_non_null(tensor_write(copy->input, &e));
    assert_non_null(tensor_write(copy->target, &e));
    spill_set_budget(0);
    assert_true(tensor_is_spilled(copy->target));
    return copy;
}

static void a_thread_brings_samples_in(void **state)
{
    (void)state;
    error e = {0};
    static const int64_t index[] = {5, 0, 3};
    prefetch *p;
    dataset *d = support_phase_data(700, 16, 2);
    assert_int_equal(prefetch_start(&p, d, &e), E_OK);
    assert_null(p); /* all is in memory */
    prefetch_want(p, index, 3);
    prefetch_stop(p);
    dataset *large = spilled_copy(d);
    assert_int_equal(prefetch_start(&p, large, &e), E_OK);
    assert_non_null(p);
    prefetch_want(p, index, 3);
    for (int i = 0; i < 1000 && prefetch_count(p) < 3; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    assert_int_equal(prefetch_count(p), 3);
    prefetch_stop(p);
    dataset_free(large);
    dataset_free(d);
}

static uint64_t train_on(const dataset *d)
{
    error e = {0};
    train_state s = {0};
    train_settings t = {.epochs = 1, .batch = 32, .seed = 5};
    t.loss = loss_find("masked-mse");
    t.terms = loss_standard;
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.schedule = schedule_find("constant");
    model *m = support_phase_model("channels=2 levels=1 size=16", 1);
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    if (train_epoch(&s, &t, d, NULL, &e) != E_OK)
        fail_msg("%s", e.text);
    uint64_t hash = graph_hash(s.last->graph);
    train_clear(&s);
    model_free(m);
    return hash;
}

static void trains_to_the_same_bits(void **state)
{
    (void)state;
    dataset *d = support_phase_data(700, 16, 2), *large = spilled_copy(d);
    assert_true(train_on(d) == train_on(large));
    dataset_free(large);
    dataset_free(d);
}

int main(void)
{
    char *folder = source_folder();
    setenv("XDG_CACHE_HOME", folder, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(tensors_go_to_files),
        cmocka_unit_test(says_that_the_disk_is_full),
        cmocka_unit_test(a_thread_brings_samples_in),
        cmocka_unit_test(trains_to_the_same_bits),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    source_folder_remove(folder);
    return failed;
}
