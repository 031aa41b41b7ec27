/* SPDX-License-Identifier: GPL-3.0-or-later
   test_spill.c -- data beyond the budget of memory: kept in files that leave nothing
   behind, brought in ahead, and trained on to the same bits. */
#include "support.h"
#include "support_phase.h"
#include "support_source.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
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

/* Batches of an epoch by the thread, against the same gathered here; batch STRANGE (-1:
   none) is asked for in another way, and from there on the thread is out of it. */
static void check_batches(const dataset *d, const augmentation *a, int strange)
{
    error e = {0};
    static const int64_t index[] = {5, 0, 3, 8, 2, 2, 7}, ends[] = {2, 4, 5, 7};
    const transform log = {.kind = TRANSFORM_LOG, .epsilon = 1e-3};
    const prefetch_epoch w = {d, &log, a, 3, 1, index, ends, 4};
    static float have[3][2 * 16 * 16 * 2], want[3][2 * 16 * 16 * 2];
    const size_t pixels = 16 * 16;
    prefetch *p;
    assert_int_equal(prefetch_start(&p, &w, &e), E_OK);
    assert_non_null(p);
    for (int i = 0; i < 4; i++) {
        const int64_t begin = i ? ends[i - 1] : 0, n = ends[i] - begin;
        const bool ready = prefetch_take(p, index + begin + (i == strange), n, have[0],
                                         have[1], have[2]);
        assert_int_equal(ready, strange < 0 || i < strange);
        if (!ready)
            continue;
        assert_int_equal(dataset_batch_augmented(d, &log, a, 3, 1, index + begin, n,
                                                 want[0], want[1], want[2], &e),
                         E_OK);
        assert_memory_equal(have[0], want[0], (size_t)n * pixels * sizeof(float));
        assert_memory_equal(have[1], want[1], (size_t)n * pixels * 2 * sizeof(float));
        assert_memory_equal(have[2], want[2], (size_t)n * pixels * 2 * sizeof(float));
    }
    assert_false(prefetch_take(p, index, 2, have[0], have[1], have[2]));
    prefetch_stop(p);
}

static void a_thread_gathers_batches(void **state)
{
    (void)state;
    error e = {0};
    static const int64_t ends[] = {2}, index[] = {0, 1};
    const augmentation none = {0}, flips = {.flip_x = true, .turn = true};
    const transform plain = {0};
    dataset *d = support_phase_data(700, 16, 2);
    const prefetch_epoch simple = {d, &plain, &none, 3, 1, index, ends, 1};
    prefetch *p;
    assert_int_equal(prefetch_start(&p, &simple, &e), E_OK);
    assert_null(p); /* nothing to be done but to copy */
    assert_false(prefetch_take(p, index, 2, NULL, NULL, NULL));
    prefetch_stop(p);
    dataset *large = spilled_copy(d);
    for (int strange = -1; strange < 4; strange++) {
        check_batches(d, &flips, strange);
        check_batches(large, &none, strange);
    }
    dataset_free(large);
    dataset_free(d);
}

/* The steps of the first epoch. */
static void take_steps(train_state *s, const train_settings *t, const dataset *d)
{
    error e = {0};
    int64_t *index, count, begin, end;
    double loss;
    assert_int_equal(dataset_split_index(d, SPLIT_TRAIN, &index, &count, &e), E_OK);
    random_stream shuffle = random_new(t->seed, "shuffle", 0);
    random_shuffle(&shuffle, index, count);
    for (int64_t i = 0; i < train_batch_count(count, 2 * t->batch); i++) {
        train_batch_bounds(count, 2 * t->batch, i, &begin, &end);
        assert_int_equal(train_step(s, t, d, index + begin, end - begin, &loss, &e),
                         E_OK);
    }
    memory_free(index);
}

/* Trains for an epoch, in which a thread gathers the batches, or step by step here. */
static uint64_t train_on(const dataset *d, const augmentation *a, bool by_epoch)
{
    error e = {0};
    train_state s = {0};
    train_settings t = {.epochs = 1, .batch = 32, .seed = 5, .accumulate = 2};
    t.loss = loss_find("masked-mse");
    t.terms = loss_standard;
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.schedule = schedule_find("constant");
    model *m = support_phase_model("channels=2 levels=1 size=16", 1);
    m->augment = *a;
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    if (by_epoch && train_epoch(&s, &t, d, NULL, &e) != E_OK)
        fail_msg("%s", e.text);
    if (!by_epoch)
        take_steps(&s, &t, d);
    uint64_t hash = graph_hash(s.last->graph);
    train_clear(&s);
    model_free(m);
    return hash;
}

static void trains_to_the_same_bits(void **state)
{
    (void)state;
    const augmentation none = {0}, flips = {.flip_y = true, .turn = true};
    const int threads = cpu_threads();
    dataset *d = support_phase_data(700, 16, 2), *large = spilled_copy(d);
    assert_true(train_on(d, &none, true) == train_on(large, &none, true));
    const uint64_t varied = train_on(d, &flips, true);
    assert_true(varied != train_on(d, &none, true));
    assert_true(varied == train_on(d, &flips, false));
    cpu_set_threads(threads == 1 ? 3 : 1);
    assert_true(varied == train_on(large, &flips, true));
    cpu_set_threads(threads);
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
        cmocka_unit_test(a_thread_gathers_batches),
        cmocka_unit_test(trains_to_the_same_bits),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    source_folder_remove(folder);
    return failed;
}
