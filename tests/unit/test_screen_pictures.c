/* SPDX-License-Identifier: GPL-3.0-or-later
   test_screen_pictures.c -- what the pictures of the screen and its predictions are made of:
   sampled sensitivities between their levels, forecasts, samples through models, and what
   is drawn of given data. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "measure/evaluate.h"
#include "ui/screen/canvas.h"
#include "ui/screen/forecast.h"
#include "ui/screen/parts.h"
#include "ui/screen/specimen.h"
#include "zoo/architecture.h"

/* ---- sampled ---- */

static void between_levels_it_is_linear(void **state)
{
    sampled_list l = {0};
    double change;
    (void)state;
    sampled *s = sampled_of(&l, 7, SENSITIVITY_PRUNE);
    const metric_row *mse = metric_find("mse");
    sampled_put(s, mse, 2, (sampled_point){1, 0.9, 0.8});
    sampled_put(s, mse, 2, (sampled_point){1, 0.5, 0.2});
    sampled_put(s, mse, 2, (sampled_point){2, 0.5, 7});
    assert_int_equal(s->level_count, 2);
    assert_true(s->levels[0] == 0.5 && s->levels[1] == 0.9);
    /* At a level, between two, between the present and the first, at the present. */
    assert_true(sampled_change(s, 1, 0, 0.5, &change) && fabs(change - 0.2) < 1e-12);
    assert_true(sampled_change(s, 1, 0, 0.6, &change) && fabs(change - 0.35) < 1e-12);
    assert_true(sampled_change(s, 1, 0.1, 0.3, &change) && fabs(change - 0.1) < 1e-12);
    assert_true(sampled_change(s, 1, 0.3, 0.3, &change) && change == 0);
    /* Nothing is told beyond what was measured, nor of another layer. */
    assert_false(sampled_change(s, 1, 0, 0.95, &change));
    assert_false(sampled_change(s, 3, 0, 0.5, &change));
    /* A point again takes its place; another metric begins anew. */
    sampled_put(s, mse, 2, (sampled_point){1, 0.5, 0.4});
    assert_int_equal(s->count, 3);
    assert_true(sampled_change(s, 1, 0, 0.5, &change) && fabs(change - 0.4) < 1e-12);
    sampled_put(s, metric_find("accuracy"), 0.5, (sampled_point){1, 0.5, -0.1});
    assert_int_equal(s->count, 1);
    assert_true(sampled_worse(s, -0.1) > 0);
    assert_true(fabs(sampled_part(s, -0.1) + 10) < 1e-12); /* points */
    sampled_clear(&l);
}

static void bits_go_downwards(void **state)
{
    sampled_list l = {0};
    double change;
    (void)state;
    sampled *s = sampled_of(&l, 7, SENSITIVITY_WEIGHT);
    const metric_row *mse = metric_find("mse");
    sampled_put(s, mse, 2, (sampled_point){0, 4, 1});
    sampled_put(s, mse, 2, (sampled_point){0, 8, 0.1});
    assert_true(s->levels[0] == 8 && s->levels[1] == 4);
    assert_true(sampled_change(s, 0, 32, 8, &change) && fabs(change - 0.1) < 1e-12);
    assert_true(sampled_change(s, 0, 32, 6, &change) && fabs(change - 0.55) < 1e-12);
    assert_true(sampled_change(s, 0, 32, 20, &change) && fabs(change - 0.05) < 1e-12);
    assert_false(sampled_change(s, 0, 32, 2, &change));
    /* The latest kind is shown first, the others in turn. */
    sampled *p = sampled_of(&l, 7, SENSITIVITY_PRUNE);
    sampled_put(p, mse, 2, (sampled_point){0, 0.5, 1});
    assert_int_equal(sampled_shown(&l, 7, 0)->kind, SENSITIVITY_PRUNE);
    assert_int_equal(sampled_shown(&l, 7, 1)->kind, SENSITIVITY_WEIGHT);
    assert_int_equal(sampled_shown(&l, 7, -1)->kind, SENSITIVITY_WEIGHT);
    assert_null(sampled_shown(&l, 8, 0));
    sampled_clear(&l);
}

/* ---- a session, a screen without a terminal ---- */

typedef struct bench {
    session *session;
    interpreter *interpreter;
    screen *screen;
    int wake[2];
} bench;

static dataset *make_data(int64_t n, bool classes)
{
    error e = {0};
    dataset *d = dataset_new(&e);
    d->count = n;
    d->origin = memory_text("test", &e);
    d->input = tensor_new(DTYPE_F32, (shape){4, {n, 28, 28, 1}}, &e);
    float *x = tensor_write_f32(d->input, &e);
    random_stream r = random_new(3, "test", 0);
    for (int64_t i = 0; i < n * 28 * 28; i++)
        x[i] = (float)random_uniform(&r);
    d->target = tensor_new(DTYPE_F32, (shape){2, {n, 1}}, &e);
    for (int64_t i = 0; i < n; i++)
        tensor_write_f32(d->target, &e)[i] = (float)(i % 10);
    d->class_count = classes ? 10 : 0;
    d->split = memory_new(n, 1, &e);
    memset(d->split, SPLIT_TEST, (size_t)n);
    assert_int_equal(dataset_check(d, &e), E_OK);
    return d;
}

static void open_bench(bench *b, int columns, int rows, bool unicode)
{
    error e = {0};
    const settings plain = {.quiet = true};
    *b = (bench){.session = session_new(1, &e)};
    model *m = architecture_outline(architecture_find("lenet-5"), "", &e);
    assert_int_equal(graph_initialize(m->graph, INITIALIZE_UNIFORM, 1, &e), E_OK);
    assert_int_equal(session_put_model(b->session, "m", m, &e), E_OK);
    assert_int_equal(session_put_dataset(b->session, "d", make_data(4, true), &e), E_OK);
    b->interpreter = interpreter_new(b->session, &plain, &e);
    assert_int_equal(pipe(b->wake), 0);
    b->screen = memory_new(1, sizeof *b->screen, &e);
    b->screen->worker = worker_new(b->interpreter, b->wake[1], columns, &e);
    assert_non_null(b->screen->worker);
    strcpy(b->screen->model, "m");
    assert_int_equal(canvas_open(-1, rows, columns, false, unicode, &e), E_OK);
}

static void close_bench(bench *b)
{
    canvas_close();
    worker_end(b->screen->worker);
    worker_free(b->screen->worker);
    memory_free(b->screen);
    interpreter_free(b->interpreter);
    session_free(b->session);
    close(b->wake[0]);
    close(b->wake[1]);
}

/* The store that nobody else writes while no command runs. */
static evidence *store_of(bench *b)
{
    return (evidence *)(uintptr_t)worker_evidence_held(b->screen->worker);
}

static int64_t layer_number(const name_card *n, const char *name)
{
    for (int64_t i = 0; i < n->model->layer_count; i++)
        if (strcmp(n->model->layers[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- forecast ---- */

static void a_forecast_adds_what_was_measured(void **state)
{
    bench b;
    error e = {0};
    forecast f;
    edits set = {0};
    (void)state;
    open_bench(&b, 80, 24, false);
    const cards *c = worker_borrow(b.screen->worker);
    const name_card *n = cards_find(c, "m");
    const int64_t f1 = layer_number(n, "f1"), f2 = layer_number(n, "f2");
    evidence *v = store_of(&b);
    for (int i = 0; i < 10; i++)
        edits_step_amount(&set, n, f1, 1, &e);
    edits_step_bits(&set, n, f2, -2, &e); /* 8 */
    forecast_make(&f, &set, n, v);
    assert_null(f.metric);
    assert_true(isnan(f.ms) && isnan(f.ms_now) && isnan(f.value));
    assert_true(f.bytes > 0 && f.bytes < f.bytes_now);
    /* Times: of all layers, and of the changed one as it would be. */
    v->times = table_new(&e);
    v->timed = n->model->serial;
    const char *const names[] = {"c1", "f1", "f2"};
    for (int i = 0; i < 3; i++) {
        table_row(v->times);
        table_text(v->times, "node", names[i]);
        table_real(v->times, "median_ms", 1 + i);
    }
    forecast_make(&f, &set, n, v);
    assert_true(fabs(f.ms_now - 6) < 1e-12 && isnan(f.ms));
    v->tries = memory_new(1, sizeof *v->tries, &e);
    v->tries[v->try_count++] = (trial_time){"f1", 0.5, 0.5};
    v->try_capacity = 1;
    forecast_make(&f, &set, n, v);
    assert_true(fabs(f.ms - 4.5) < 1e-12);
    /* Errors: one layer's amount and another's bits. */
    const metric_row *metric = metric_find("accuracy");
    sampled_put(sampled_of(&v->sampled, n->model->weights, SENSITIVITY_PRUNE), metric,
                0.9, (sampled_point){n->model->layers[f1].number, 0.75, -0.3});
    forecast_make(&f, &set, n, v);
    assert_true(f.metric == metric && isnan(f.value));
    sampled_put(sampled_of(&v->sampled, n->model->weights, SENSITIVITY_WEIGHT), metric,
                0.9, (sampled_point){n->model->layers[f2].number, 8, -0.05});
    forecast_make(&f, &set, n, v);
    assert_true(fabs(f.value_now - 0.9) < 1e-12);
    assert_true(fabs(f.value - (0.9 - 0.2 - 0.05)) < 1e-12);
    edits_clear(&set);
    worker_give_back(b.screen->worker);
    close_bench(&b);
}

static void what_was_applied_is_met_again(void **state)
{
    bench b;
    (void)state;
    open_bench(&b, 80, 24, false);
    const cards *c = worker_borrow(b.screen->worker);
    const int64_t now = cards_find(c, "m")->serial;
    applied a = {.model = "m", .from = now - 1, .block = 3};
    applied_follow(&a, c, false, 3);
    assert_int_equal(a.to, 0);
    applied_follow(&a, c, true, 4);
    assert_int_equal(a.to, now);
    a.to = now - 1; /* the model has gone on */
    applied_follow(&a, c, true, 5);
    assert_string_equal(a.model, "");
    a = (applied){.model = "m", .from = now, .block = 3}; /* the command failed */
    applied_follow(&a, c, true, 4);
    assert_string_equal(a.model, "");
    worker_give_back(b.screen->worker);
    close_bench(&b);
}

/* ---- samples ---- */

static void shares_are_the_softmax_of_the_answer(void **state)
{
    bench b;
    error e = {0};
    (void)state;
    open_bench(&b, 80, 24, false);
    const model *m = session_get_model(b.session, "m", &e);
    const dataset *d = session_get_dataset(b.session, "d", &e);
    specimen *p = specimen_make(b.session, "m", "d", -1); /* goes round: the last */
    assert_non_null(p);
    assert_string_equal(p->problem, "");
    assert_int_equal(p->count, 4);
    assert_int_equal(p->number, 3);
    const int64_t number = 3;
    tensor *y = predict(m, d, &number, 1, &e);
    double sum = 0, all = 0;
    for (int i = 0; i < 10; i++)
        sum += exp((double)tensor_f32(y)[i]);
    for (int k = 0; k < p->class_count; k++) {
        int label = -1;
        assert_int_equal(sscanf(p->classes[k].name, "class %d", &label), 1);
        const double share = exp((double)tensor_f32(y)[label]) / sum;
        assert_true(fabs(p->classes[k].share - share) < 1e-6);
        assert_true(k == 0 || p->classes[k].true_one ||
                    p->classes[k].share <= p->classes[k - 1].share);
        assert_int_equal(p->classes[k].true_one, label == 3);
        all += share;
    }
    assert_true(all <= 1 + 1e-9);
    assert_int_equal(p->image_count, 1);
    const float *x = tensor_f32(d->input) + 3 * 28 * 28;
    for (int i = 1; i < 28 * 28; i++) /* brightness keeps the order */
        assert_int_equal(x[i] > x[i - 1],
                         p->images[0].values[i] > p->images[0].values[i - 1]);
    tensor_free(y);
    specimen_free(p);
    p = specimen_make(b.session, "m", "nothing", 0);
    assert_true(*p->problem != '\0');
    specimen_free(p);
    close_bench(&b);
}

/* ---- drawing ---- */

/* Row ROW of what stands on the screen. */
static void row_of(int row, char out[256])
{
    text all = {0};
    canvas_text(false, &all);
    const char *from = text_get(&all);
    while (row-- > 0)
        from = strchr(from, '\n') + 1;
    snprintf(out, 256, "%.*s", (int)strcspn(from, "\n"), from);
    text_clear(&all);
}

static void pixels_are_as_bright_on_average(void **state)
{
    bench b;
    (void)state;
    open_bench(&b, 80, 24, false);
    static const char ramp[] = " .:-=+*#%@";
    for (int k = 0; k <= 20; k++) {
        const double wanted = k / 20.0;
        double sum = 0;
        canvas_begin();
        for (int row = 0; row < 16; row++)
            for (int x = 0; x < 64; x++)
                canvas_pixels(row, x, x, 2 * row, wanted, wanted);
        for (int row = 0; row < 16; row++) {
            char words[256];
            row_of(row, words);
            for (int x = 0; words[x]; x++)
                sum += (double)(strchr(ramp, words[x]) - ramp) / 9;
        }
        assert_true(fabs(sum / (16 * 64) - wanted) < 0.5 / 9 / 16 + 1e-9);
    }
    close_bench(&b);
}

static void the_map_fills_as_points_come(void **state)
{
    bench b;
    char words[256];
    (void)state;
    open_bench(&b, 80, 24, false);
    const cards *c = worker_borrow(b.screen->worker);
    const name_card *n = cards_find(c, "m");
    const rectangle r = {0, 0, 10, 60};
    canvas_begin();
    assert_false(draw_heat(b.screen, c, r)); /* nothing yet */
    sampled *s = sampled_of(&store_of(&b)->sampled, n->model->weights, SENSITIVITY_PRUNE);
    sampled_expect(s, 0.5);
    sampled_expect(s, 0.9);
    sampled_put(
        s, metric_find("mse"), 2,
        (sampled_point){n->model->layers[layer_number(n, "c2")].number, 0.9, 0.1});
    canvas_begin();
    assert_true(draw_heat(b.screen, c, r));
    row_of(0, words);
    assert_non_null(strstr(words, "cost: m prune"));
    row_of(1, words);
    assert_non_null(strstr(words, "50%"));
    assert_non_null(strstr(words, "90%"));
    row_of(2, words); /* c1: two points are to come */
    assert_true(strncmp(words, "c1", 2) == 0 &&
                strchr(words, '.') != strrchr(words, '.'));
    row_of(3, words); /* c2: 0.1 of 2 is 5 % */
    assert_true(strncmp(words, "c2", 2) == 0);
    assert_non_null(strstr(words, "+5.0"));
    row_of(9, words);
    assert_non_null(strstr(words, "1/10: % of mse 2"));
    worker_give_back(b.screen->worker);
    close_bench(&b);
}

static void every_picture_says_what_it_wants(void **state)
{
    bench b;
    char words[256];
    (void)state;
    open_bench(&b, 80, 24, false);
    const cards *c = worker_borrow(b.screen->worker);
    b.screen->model[0] = '\0'; /* none is chosen */
    for (int p = PICTURE_AUTO + 1; p < PICTURE_COUNT; p++) {
        canvas_begin();
        b.screen->picture = (picture)p;
        draw_picture(b.screen, c, (rectangle){0, 0, 8, 26});
        row_of(0, words);
        assert_non_null(strstr(words, picture_name((picture)p)));
        row_of(1, words);
        assert_true(strlen(words) > 8);
    }
    worker_give_back(b.screen->worker);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_levels_it_is_linear),
        cmocka_unit_test(bits_go_downwards),
        cmocka_unit_test(a_forecast_adds_what_was_measured),
        cmocka_unit_test(what_was_applied_is_met_again),
        cmocka_unit_test(shares_are_the_softmax_of_the_answer),
        cmocka_unit_test(pixels_are_as_bright_on_average),
        cmocka_unit_test(the_map_fills_as_points_come),
        cmocka_unit_test(every_picture_says_what_it_wants),
    };
    setenv("XDG_CACHE_HOME", "/nonexistent", 1); /* nothing was measured before */
    setenv("TERM", "xterm", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
