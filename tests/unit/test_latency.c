/* SPDX-License-Identifier: GPL-3.0-or-later
   test_latency.c -- rounds, quantiles and memory of timed models; steps of a plan; energy
   counters in a folder made for it. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "measure/energy.h"
#include "measure/latency.h"
#include "support_phase.h"

static model *small_model(void)
{
    return support_phase_model("levels=2 channels=4 size=16", 1);
}

static void quantiles_are_linear_between_neighbours(void **state)
{
    (void)state;
    const double x[5] = {1, 2, 4, 8, 16};
    assert_true(latency_quantile(x, 5, 0) == 1);
    assert_true(latency_quantile(x, 5, 0.5) == 4);
    assert_true(latency_quantile(x, 5, 1) == 16);
    assert_true(fabs(latency_quantile(x, 5, 0.1) - 1.4) < 1e-12);
    assert_true(fabs(latency_quantile(x, 5, 0.9) - 12.8) < 1e-12);
    assert_true(latency_quantile(x, 4, 0.5) == 3);
    assert_true(latency_quantile(x, 1, 0.9) == 1);
}

static void check_times(const latency *l, int64_t rounds)
{
    assert_int_equal(l->rounds, rounds);
    assert_true(l->p10_ms > 0);
    assert_true(l->p10_ms <= l->median_ms && l->median_ms <= l->p90_ms);
    assert_true(l->arena_bytes > 0);
    assert_true(l->peak_bytes >= l->arena_bytes);
    assert_true(l->resident_bytes == 0 || l->resident_bytes > l->arena_bytes);
    assert_non_null(l->steps);
    assert_true(l->steps->row_count > 0);
}

static void every_model_has_every_round(void **state)
{
    (void)state;
    error e = {0};
    latency l[2];
    model *a = small_model(), *b = support_phase_model("levels=2 channels=8 size=32", 1);
    const model *const models[] = {a, b};
    const latency_settings s = {.batch = 2, .rounds = 7, .seed = 1};
    uint64_t before = graph_hash(a->graph);
    assert_int_equal(latency_measure(models, 2, &s, NULL, l, &e), E_OK);
    check_times(&l[0], 7);
    check_times(&l[1], 7);
    assert_true(l[1].arena_bytes > l[0].arena_bytes);
    assert_true(graph_hash(a->graph) == before);
    for (int i = 0; i < 2; i++) {
        latency_clear(&l[i]);
        assert_null(l[i].steps);
    }
    model_free(a);
    model_free(b);
}

static void steps_of_training_leave_the_model_alone(void **state)
{
    (void)state;
    error e = {0};
    latency plain, trained;
    model *m = small_model();
    const model *models = m;
    latency_settings s = {.batch = 4, .rounds = 3, .seed = 1};
    uint64_t before = graph_hash(m->graph);
    size_t held = memory_in_use();
    assert_int_equal(latency_measure(&models, 1, &s, NULL, &plain, &e), E_OK);
    s.optimizer = optimizer_find("adam");
    assert_int_equal(latency_measure(&models, 1, &s, NULL, &trained, &e), E_OK);
    check_times(&trained, 3);
    assert_true(trained.peak_bytes > plain.peak_bytes);
    assert_true(graph_hash(m->graph) == before);
    latency_clear(&plain);
    latency_clear(&trained);
    assert_int_equal(memory_in_use(), held);
    model_free(m);
}

static void time_alone_ends_the_rounds(void **state)
{
    (void)state;
    error e = {0};
    latency l;
    model *m = small_model();
    const model *models = m;
    latency_settings s = {.batch = 1, .seconds = 1e-6, .seed = 1};
    assert_int_equal(latency_measure(&models, 1, &s, NULL, &l, &e), E_OK);
    check_times(&l, LATENCY_ROUNDS_MIN);
    latency_clear(&l);
    s.seconds = 0.05;
    double began = task_clock();
    assert_int_equal(latency_measure(&models, 1, &s, NULL, &l, &e), E_OK);
    assert_true(task_clock() - began >= 0.05);
    assert_true(l.rounds >= LATENCY_ROUNDS_MIN);
    latency_clear(&l);
    s.rounds = 2; /* whichever comes first */
    s.seconds = 3600;
    assert_int_equal(latency_measure(&models, 1, &s, NULL, &l, &e), E_OK);
    check_times(&l, 2);
    latency_clear(&l);
    model_free(m);
}

typedef struct watcher {
    volatile sig_atomic_t cancel;
    int64_t reports, stop_at, last_total;
} watcher;

static void watch_round(void *context, const progress *p)
{
    watcher *w = context;
    w->reports++;
    w->last_total = p->total;
    assert_int_equal(p->done, w->reports);
    assert_string_equal(p->unit, "round");
    w->cancel = w->reports == w->stop_at;
}

/* Were one model timed after the other, stopping would leave the last without times. */
static void stopping_keeps_whole_rounds_of_all(void **state)
{
    (void)state;
    error e = {0};
    latency l[3];
    model *m = small_model();
    const model *const models[] = {m, m, m};
    const latency_settings s = {.batch = 1, .rounds = 100, .seed = 1};
    watcher w = {.stop_at = 4};
    const task watch = {.report = watch_round, .context = &w, .cancel = &w.cancel};
    assert_int_equal(latency_measure(models, 3, &s, &watch, l, &e), E_STOPPED);
    assert_int_equal(w.reports, 4);
    assert_int_equal(w.last_total, 100);
    for (int i = 0; i < 3; i++) {
        check_times(&l[i], 4);
        latency_clear(&l[i]);
    }
    w = (watcher){.cancel = 1};
    assert_int_equal(latency_measure(models, 3, &s, &watch, l, &e), E_STOPPED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(l[i].rounds, 0);
        assert_true(isnan(l[i].median_ms));
        latency_clear(&l[i]);
    }
    model_free(m);
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    error e = {0};
    latency l;
    size_t arena, live;
    model *m = small_model();
    const model *models = m;
    const latency_settings wrong[] = {
        {.batch = 0, .rounds = 1},    {.batch = 1},
        {.batch = 1, .rounds = -1},   {.batch = 1, .rounds = 1, .seconds = -1},
        {.batch = 1, .seconds = NAN},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(latency_measure(&models, 1, &wrong[i], NULL, &l, &e), E_RANGE);
        assert_non_null(strstr(e.text, "wanted"));
        latency_clear(&l);
        assert_null(latency_steps(m, &wrong[i], NULL, &arena, &live, &e));
    }
    const latency_settings good = {.batch = 1, .rounds = 1};
    assert_int_equal(latency_measure(&models, 0, &good, NULL, &l, &e), E_USAGE);
    model_free(m);
}

static double column_sum(const table *t, const char *column)
{
    double sum = 0;
    for (int64_t i = 0; i < t->row_count; i++) {
        double value = 0;
        table_number(t, i, column, &value);
        sum += value;
    }
    return sum;
}

static void steps_are_those_of_the_plan(void **state)
{
    (void)state;
    error e = {0};
    text kernels = {0};
    size_t arena = 0, live = 0;
    model *m = small_model();
    latency_settings s = {.batch = 3, .rounds = 4, .seed = 1};
    for (int training = 0; training <= 1; training++) {
        s.optimizer = training ? optimizer_find("sgd") : NULL;
        uint64_t before = graph_hash(m->graph);
        table *t = latency_steps(m, &s, NULL, &arena, &live, &e);
        assert_non_null(t);
        assert_true(arena >= live && live > 0);
        double products =
            3 * (double)graph_multiply_adds(m->graph, m->graph->input_shape, &e);
        assert_true(column_sum(t, "multiply_adds") == products);
        assert_true(column_sum(t, "median_ms") > 0);
        assert_true(graph_hash(m->graph) == before);
        assert_int_equal(latency_kernels(t, &kernels, &e), E_OK);
        assert_non_null(strstr(text_get(&kernels), "conv2d f32 gather"));
        assert_string_equal(latency_precision(t), "f32");
        text_clear(&kernels);
        table_free(t);
    }
    const volatile sig_atomic_t cancel = 1;
    const task watch = {.cancel = &cancel};
    assert_null(latency_steps(m, &s, &watch, &arena, &live, &e));
    assert_int_equal(e.code, E_STOPPED);
    model_free(m);
}

static void kernels_are_named_once(void **state)
{
    (void)state;
    error e = {0};
    text words = {0};
    static const char *const kernels[] = {"conv2d s8 + relu", "relu f32", "linear f32",
                                          "conv2d s8", "conv2d f32"};
    for (int products = 0; products <= 1; products++) {
        table *t = table_new(&e);
        for (int i = 0; i < 5; i++) {
            table_row(t);
            table_text(t, "kernel", kernels[i]);
            table_integer(t, "multiply_adds", i == 1 ? 0 : products);
        }
        assert_int_equal(latency_kernels(t, &words, &e), E_OK);
        assert_string_equal(text_get(&words),
                            products ? "conv2d s8, linear f32, conv2d f32"
                                     : "conv2d s8, relu f32, linear f32, conv2d f32");
        text_clear(&words);
        table_free(t);
    }
}

static void put_file(const char *folder, int zone, const char *name, const char *words)
{
    char path[300];
    snprintf(path, sizeof path, "%s/intel-rapl:%d", folder, zone);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/intel-rapl:%d/%s", folder, zone, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "%s\n", words);
    assert_int_equal(fclose(f), 0);
}

static void put_zone(const char *folder, int zone, const char *name, const char *energy)
{
    put_file(folder, zone, "name", name);
    put_file(folder, zone, "max_energy_range_uj", "1000000");
    put_file(folder, zone, "energy_uj", energy);
}

static void remove_zones(const char *folder)
{
    static const char *const names[] = {"/name", "/max_energy_range_uj", "/energy_uj",
                                        ""};
    char path[300];
    for (int zone = 0; zone < 3; zone++)
        for (int i = 0; i < 4; i++) {
            snprintf(path, sizeof path, "%s/intel-rapl:%d%s", folder, zone, names[i]);
            remove(path);
        }
    rmdir(folder);
}

static void packages_are_added_up_and_wrap(void **state)
{
    (void)state;
    error e = {0};
    energy_meter meter;
    char folder[] = "/tmp/lathe-energy-XXXXXX";
    assert_non_null(mkdtemp(folder));
    put_zone(folder, 0, "package-0", "900000");
    put_zone(folder, 1, "psys", "5");
    put_zone(folder, 2, "package-1", "100");
    assert_int_equal(energy_open(&meter, folder, &e), E_OK);
    assert_int_equal(meter.count, 2);
    put_file(folder, 0, "energy_uj", "100000");
    put_file(folder, 2, "energy_uj", "50100");
    assert_true(fabs(energy_lap(&meter) - 0.25) < 1e-12);
    assert_true(energy_lap(&meter) == 0);
    energy_close(&meter);

    latency l;
    model *m = small_model();
    const model *models = m;
    const latency_settings s = {.batch = 1, .rounds = 2, .energy_folder = folder};
    assert_int_equal(latency_measure(&models, 1, &s, NULL, &l, &e), E_OK);
    assert_true(l.energy_mj == 0);
    latency_clear(&l);
    put_file(folder, 0, "energy_uj", "no number");
    assert_int_equal(energy_open(&meter, folder, &e), E_OK);
    assert_int_equal(meter.count, 1);
    energy_close(&meter);
    remove_zones(folder);

    assert_int_equal(energy_open(&meter, folder, &e), E_OK);
    assert_int_equal(meter.count, 0);
    assert_true(isnan(energy_lap(&meter)));
    energy_close(&meter);
    assert_int_equal(latency_measure(&models, 1, &s, NULL, &l, &e), E_OK);
    assert_true(isnan(l.energy_mj));
    latency_clear(&l);
    model_free(m);
}

int main(void)
{
    error e = {0};
    if (cpu_start(&e) != E_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_linear_between_neighbours),
        cmocka_unit_test(every_model_has_every_round),
        cmocka_unit_test(steps_of_training_leave_the_model_alone),
        cmocka_unit_test(time_alone_ends_the_rounds),
        cmocka_unit_test(stopping_keeps_whole_rounds_of_all),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(steps_are_those_of_the_plan),
        cmocka_unit_test(kernels_are_named_once),
        cmocka_unit_test(packages_are_added_up_and_wrap),
    };
    return cmocka_run_group_tests_name("latency", tests, NULL, NULL);
}
