/* SPDX-License-Identifier: GPL-3.0-or-later
   test_calibration.c -- calibrations: estimates from measurements that are made up, what
   plans choose by them, files good and hostile, and a measurement of this machine. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/cpu.h"
#include "base/file.h"
#include "base/memory.h"
#include "engine/calibration.h"
#include "engine/plan.h"
#include "format/calibration_file.h"
#include "measure/calibrate.h"
#include "support_graph.h"

static convolution square(int64_t size, int64_t c, int64_t out_c, int64_t kernel)
{
    return (convolution){.n = 1,
                         .h = size,
                         .w = size,
                         .c = c,
                         .out_h = size,
                         .out_w = size,
                         .out_c = out_c,
                         .kernel_h = kernel,
                         .kernel_w = kernel,
                         .stride_h = 1,
                         .stride_w = 1,
                         .pad_h = kernel / 2,
                         .pad_w = kernel / 2,
                         .dilation_h = 1,
                         .dilation_w = 1,
                         .groups = 1};
}

static void add(calibration *c, const char *method, algorithm_task task, convolution v,
                double density, double seconds)
{
    calibration_row r = {
        .task = task, .shape = v, .density = density, .seconds = seconds};
    snprintf(r.method, sizeof r.method, "%s", method);
    snprintf(r.type, sizeof r.type, "f32");
    assert_int_equal(calibration_add(c, &r, NULL), E_OK);
}

static double estimate(const calibration *c, const char *method, convolution v,
                       double density)
{
    return calibration_estimate(c, method, "f32", ALGORITHM_FORWARD, &v, density, false);
}

static void check_ratio(double got, double wanted)
{
    if (!(fabs(got / wanted - 1) < 0.02))
        fail_msg("%g, wanted %g", got, wanted);
}

static void times_grow_with_products_or_weights(void **state)
{
    (void)state;
    calibration *c = calibration_new(NULL);
    c->limits.memory = 1e10;
    add(c, "gather", ALGORITHM_FORWARD, square(32, 32, 32, 3), 1, 1e-3);
    add(c, "gather", ALGORITHM_FORWARD, square(3, 512, 512, 3), 1, 1e-3); /* 9.4 GB/s */
    check_ratio(estimate(c, "gather", square(32, 32, 32, 3), 1), 1e-3);
    check_ratio(estimate(c, "gather", square(32, 32, 64, 3), 1), 2e-3);
    check_ratio(estimate(c, "gather", square(64, 32, 32, 3), 1), 4e-3);
    /* twice the pixels read the same weights; twice the weights take twice the time */
    check_ratio(estimate(c, "gather", square(4, 512, 512, 3), 1), 1e-3);
    check_ratio(estimate(c, "gather", square(3, 512, 1024, 3), 1), 2e-3);
    /* the density says nothing of a method that does not skip zeros */
    check_ratio(estimate(c, "gather", square(32, 32, 32, 3), 0.1), 1e-3);
    calibration_free(c);
}

static void nothing_is_said_of_other_kinds(void **state)
{
    (void)state;
    calibration *c = calibration_new(NULL);
    convolution v = square(32, 32, 32, 3), depthwise = v, strided = v;
    depthwise.groups = 32;
    strided.stride_h = strided.stride_w = 2;
    strided.out_h = strided.out_w = 16;
    add(c, "gather", ALGORITHM_FORWARD, v, 1, 1e-3);
    assert_true(isnan(estimate(c, "winograd-4x4", v, 1)));
    assert_true(isnan(estimate(c, "gather", square(32, 32, 32, 1), 1)));
    assert_true(isnan(estimate(c, "gather", square(1, 512, 512, 3), 1))); /* too far */
    assert_true(isnan(estimate(c, "gather", depthwise, 1)));
    assert_true(isnan(estimate(c, "gather", strided, 1)));
    assert_true(
        isnan(calibration_estimate(c, "gather", "s8", ALGORITHM_FORWARD, &v, 1, false)));
    assert_true(isnan(
        calibration_estimate(c, "gather", "f32", ALGORITHM_GRAD_INPUT, &v, 1, false)));
    calibration_free(c);
}

static void zeros_count_where_they_are_skipped(void **state)
{
    (void)state;
    calibration *c = calibration_new(NULL);
    convolution v = square(16, 64, 64, 3);
    add(c, "sparse", ALGORITHM_FORWARD, v, 0.4, 4e-3);
    add(c, "sparse", ALGORITHM_FORWARD, v, 0.1, 1e-3);
    check_ratio(estimate(c, "sparse", v, 0.05), 0.5e-3);
    check_ratio(estimate(c, "sparse", v, 0.2), 2e-3);
    calibration_free(c);
}

/* ---- choosing ---- */

static graph *one_layer(int64_t size, int64_t channels)
{
    graph *g = graph_new(shape_of(3, size, size, channels), NULL);
    attributes a = support_convolution(channels, 3);
    assert_true(graph_add(g, "conv2d", "c", &a, &g->input, 1, NULL) >= 0);
    support_fill(g, 3);
    return g;
}

static void check_choice(graph *g, const calibration *c, bool training,
                         const char *wanted)
{
    plan *p = training ? plan_new_training(g, 1, g->input_shape, NULL)
                       : plan_new_inference(g, 1, g->input_shape, NULL);
    assert_int_equal(plan_set_calibration(p, c, NULL), E_OK);
    assert_int_equal(plan_start(p, NULL), E_OK);
    table *t = plan_describe(p, NULL);
    const char *words = table_get(t, 0, table_column(t, "kernel"))->words;
    if (!strstr(words, wanted))
        fail_msg("'%s', wanted '%s'", words, wanted);
    table_free(t);
    plan_free(p);
}

/* Where weights are many, times of weights from far count; else those of weights at
   hand. */
static void far_weights_have_times_of_their_own(void **state)
{
    static const int64_t sizes[2][2] = {{4, 64}, {4, 700}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        convolution v = square(sizes[i][0], sizes[i][1], sizes[i][1], 3);
        graph *g = one_layer(sizes[i][0], sizes[i][1]);
        const float *weight = tensor_f32(g->parameters[0].data);
        const char *rule =
            algorithm_guess(&v, weight, PRECISION_F32, ALGORITHM_FORWARD)->name;
        const char *other = strcmp(rule, "gather") == 0 ? "winograd-2x2" : "gather";
        calibration *c = calibration_new(NULL);
        add(c, rule, ALGORITHM_FORWARD, v, 1, 1e-3);
        add(c, other, ALGORITHM_FORWARD, v, 1, 2e-3);
        c->rows[0].far_seconds = 4e-3;
        c->rows[1].far_seconds = 3e-3;
        check_ratio(calibration_estimate(c, other, "f32", ALGORITHM_FORWARD, &v, 1, true),
                    3e-3);
        check_choice(g, c, false, i == 0 ? rule : other);
        calibration_free(c);
        graph_free(g);
    }
}

/* Not for less than a tenth, not where it was tuned, and never what does not suit. */
static void plans_choose_what_was_faster(void **state)
{
    (void)state;
    graph *g = one_layer(16, 32);
    convolution v = square(16, 32, 32, 3);
    const float *weight = tensor_f32(g->parameters[0].data);
    const char *rule =
        algorithm_guess(&v, weight, PRECISION_F32, ALGORITHM_FORWARD)->name;
    const char *once =
        algorithm_guess(&v, NULL, PRECISION_F32, ALGORITHM_FORWARD_ONCE)->name;
    calibration *c = calibration_new(NULL);
    assert_string_not_equal(rule, "gather");
    assert_string_not_equal(once, "gather");
    check_choice(g, NULL, false, rule);
    check_choice(g, c, false, rule);
    add(c, rule, ALGORITHM_FORWARD, v, 1, 1e-3);
    add(c, "gather", ALGORITHM_FORWARD, v, 1, 0.95e-3);
    add(c, "matrix", ALGORITHM_FORWARD, v, 1, 1e-6);
    add(c, "from-a-later-time", ALGORITHM_FORWARD, v, 1, 1e-6);
    check_choice(g, c, false, rule);
    c->rows[1].seconds = 0.5e-3;
    check_choice(g, c, false, "gather");
    check_choice(g, c, true, once); /* weights used once: nothing is known */
    add(c, once, ALGORITHM_FORWARD_ONCE, v, 1, 1e-3);
    add(c, "gather", ALGORITHM_FORWARD_ONCE, v, 1, 0.5e-3);
    check_choice(g, c, true, "gather");
    assert_int_equal(node_set_method(&g->nodes[0], "direct", NULL), E_OK);
    check_choice(g, c, false, "direct");
    calibration_free(c);
    graph_free(g);
}

/* ---- the machine's own ---- */

static int asked;

static calibration *find_one(int threads, error *note)
{
    calibration *c = calibration_new(NULL);
    (void)note;
    asked++;
    c->threads = threads;
    c->limits.f32 = 123;
    return c;
}

static calibration *find_none(int threads, error *note)
{
    asked++;
    fail(note, E_FORMAT, "no use with %d", threads);
    return NULL;
}

static void it_is_looked_for_once(void **state)
{
    (void)state;
    asked = 0;
    assert_null(calibration_get(2));
    calibration_set_finder(find_one);
    assert_int_equal(asked, 0);
    const calibration *c = calibration_get(2);
    assert_true(c && c->limits.f32 == 123);
    assert_ptr_equal(calibration_get(2), c);
    assert_int_equal(asked, 1);
    assert_int_equal(calibration_get(3)->threads, 3);
    assert_int_equal(asked, 2);
    calibration *other = calibration_new(NULL);
    other->threads = 2;
    calibration_keep(other);
    assert_ptr_equal(calibration_get(2), other);
    calibration_set_finder(find_none);
    assert_string_equal(calibration_note(), "");
    assert_null(calibration_get(5));
    assert_null(calibration_get(5));
    assert_int_equal(asked, 3);
    assert_string_equal(calibration_note(), "no use with 5");
    calibration_set_finder(NULL);
    assert_string_equal(calibration_note(), "");
}

/* ---- files ---- */

static calibration *made_up(void)
{
    calibration *c = calibration_new(NULL);
    convolution strided = square(9, 8, 16, 3);
    strided.stride_h = strided.stride_w = 2;
    strided.out_h = strided.out_w = 5;
    c->limits = (calibration_limits){1.5e11, 0, 2e12, 1.0 / 3 * 1e11, 2e10, 1 << 20};
    add(c, "gather", ALGORITHM_FORWARD, square(32, 32, 32, 3), 1, 1.25e-3);
    add(c, "sparse", ALGORITHM_FORWARD, square(7, 5, 3, 1), 0.1, 1e-6);
    c->rows[1].far_seconds = 3e-6;
    add(c, "winograd-4x4", ALGORITHM_GRAD_WEIGHT, square(6, 256, 256, 3), 1, 0.3);
    add(c, "gather", ALGORITHM_FORWARD_ONCE, strided, 1, 7e-5);
    return c;
}

static void write_bytes(const char *path, const char *bytes, size_t length)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, length, f), length);
    fclose(f);
}

static void files_read_back(void **state)
{
    (void)state;
    error e = {0};
    char *path = file_temporary(".json", NULL);
    calibration *c = made_up();
    if (calibration_write(c, path, &e))
        fail_msg("%s", e.text);
    calibration *back = calibration_read(path, &e);
    if (!back)
        fail_msg("%s", e.text);
    assert_int_equal(back->threads, c->threads);
    assert_int_equal(back->row_count, c->row_count);
    for (int64_t i = 0; i < c->row_count; i++) {
        const calibration_row *a = &c->rows[i], *b = &back->rows[i];
        assert_string_equal(a->method, b->method);
        assert_string_equal(a->type, b->type);
        assert_int_equal(a->task, b->task);
        assert_memory_equal(&a->shape, &b->shape, sizeof a->shape);
        assert_true(fabs(a->seconds / b->seconds - 1) < 1e-8);
        assert_true(fabs(a->far_seconds - b->far_seconds) <= 1e-8 * a->far_seconds);
        assert_true(fabs(a->density / b->density - 1) < 1e-8);
    }
    assert_true(back->limits.bf16 == 0);
    assert_true(fabs(back->limits.cache / c->limits.cache - 1) < 1e-8);
    calibration_free(back);
    calibration_free(c);
    unlink(path);
    memory_free(path);
}

/* TEXT with the first FROM replaced by TO must not be read. */
static void check_refused(const char *path, const char *text, const char *from,
                          const char *to)
{
    error e = {0};
    char edited[16384];
    const char *at = strstr(text, from);
    if (!at)
        fail_msg("'%s' is not in the file", from);
    int n = snprintf(edited, sizeof edited, "%.*s%s%s", (int)(at - text), text, to,
                     at + strlen(from));
    write_bytes(path, edited, (size_t)n);
    calibration *c = calibration_read(path, &e);
    if (c)
        fail_msg("'%s' for '%s' was read", to, from);
    assert_int_equal(e.code, E_FORMAT);
}

static void hostile_files_are_refused(void **state)
{
    (void)state;
    static const char *const edits[][2] = {
        {"\"lathe_calibration\": 2", "\"lathe_calibration\": 1"},
        {"\"lathe_calibration\": 2", "\"lathe_calibration\": \"2\""},
        {"\"threads\": ", "\"threads\": -"},
        {"\"processor\": \"", "\"processor\": \"another "},
        {"\"seconds\": ", "\"seconds\": -"},
        {"\"task\": \"forward\"", "\"task\": \"sideways\""},
        {"\"method\": \"gather\"", "\"method\": \"a name of far too many letters\""},
        {"\"groups\": 1", "\"groups\": 0"},
        {"\"groups\": 1", "\"groups\": 3"},
        {"\"stride_height\": 1", "\"stride_height\": 0"},
        {"\"out_width\": 32", "\"out_width\": 33"},
        {"\"height\": 32", "\"height\": 4611686018427387904"},
        {"\"density\": 1.0", "\"density\": 0.0"},
        {"\"density\": 1.0", "\"density\": \"nan\""},
        {"\"rows\": [", "\"rows\": [7,"},
        {"\"limits\": {", "\"limits\": {\"cache_bytes\": 1,"},
    };
    error e = {0};
    void *bytes;
    size_t length;
    char *path = file_temporary(".json", NULL);
    calibration *c = made_up();
    assert_int_equal(calibration_write(c, path, NULL), E_OK);
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), E_OK);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        check_refused(path, bytes, edits[i][0], edits[i][1]);
    for (size_t n = 0; n + 3 < length; n += 97) {
        write_bytes(path, bytes, n);
        assert_null(calibration_read(path, &e));
    }
    memory_free(bytes);
    calibration_free(c);
    unlink(path);
    assert_null(calibration_read(path, &e));
    assert_int_equal(e.code, E_FILE);
    memory_free(path);
}

static void a_file_of_no_use_leaves_a_note(void **state)
{
    (void)state;
    error note = {0};
    char folder[] = "/tmp/lathe-cache-XXXXXX";
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CACHE_HOME", folder, 1);
    char *path = calibration_path(cpu_threads(), NULL);
    assert_non_null(strstr(path, folder));
    assert_null(calibration_find(cpu_threads(), &note));
    assert_string_equal(note.text, "");
    calibration *c = made_up();
    assert_int_equal(calibration_write(c, path, NULL), E_OK);
    calibration_free(c);
    c = calibration_find(cpu_threads(), &note);
    assert_true(c && c->row_count == 4);
    assert_string_equal(note.text, "");
    calibration_free(c);
    write_bytes(path, "{}", 2);
    assert_null(calibration_find(cpu_threads(), &note));
    assert_non_null(strstr(note.text, "lathe_calibration"));
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(folder);
    memory_free(path);
}

static void this_machine_is_measured(void **state)
{
    (void)state;
    error e = {0};
    int shapes, all;
    calibration *c = calibrate_machine(0.5, NULL, &shapes, &all, &e);
    if (!c)
        fail_msg("%s", e.text);
    assert_true(shapes <= all);
    assert_true(c->limits.f32 > 1e7 && c->limits.s8 > 1e7);
    assert_true(c->limits.memory > 1e7 && c->limits.cache > 1e7);
    assert_true(cpu_has_bf16() == (c->limits.bf16 > 0));
    for (int64_t i = 0; i < c->row_count; i++) {
        const calibration_row *r = &c->rows[i];
        assert_true(r->seconds > 0 && isfinite(r->seconds));
        assert_true(r->far_seconds >= 0 && isfinite(r->far_seconds));
        double same = calibration_estimate(c, r->method, r->type, r->task, &r->shape,
                                           r->density, false);
        assert_true(same > 0.2 * r->seconds && same < 5 * r->seconds);
    }
    calibration_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_grow_with_products_or_weights),
        cmocka_unit_test(nothing_is_said_of_other_kinds),
        cmocka_unit_test(zeros_count_where_they_are_skipped),
        cmocka_unit_test(plans_choose_what_was_faster),
        cmocka_unit_test(far_weights_have_times_of_their_own),
        cmocka_unit_test(it_is_looked_for_once),
        cmocka_unit_test(files_read_back),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(a_file_of_no_use_leaves_a_note),
        cmocka_unit_test(this_machine_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
