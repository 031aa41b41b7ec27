/* SPDX-License-Identifier: GPL-3.0-or-later
   test_screen.c -- what the screen is made of, without a terminal: where panes stand, the
   table of keys, curves, the log, cards of a session, and layers set by hand. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "compress/prune.h"
#include "format/model_file.h"
#include "ui/screen/curve.h"
#include "ui/screen/edits.h"
#include "ui/screen/keys.h"
#include "ui/screen/layout.h"
#include "ui/screen/log.h"
#include "zoo/architecture.h"

/* ---- layout ---- */

static bool inside(rectangle r, int rows, int columns)
{
    return r.row >= 1 && r.column >= 0 && r.rows >= 1 && r.columns >= 1 &&
           r.row + r.rows <= rows - 2 && r.column + r.columns <= columns;
}

static bool apart(rectangle a, rectangle b)
{
    return a.row + a.rows <= b.row || b.row + b.rows <= a.row ||
           a.column + a.columns <= b.column || b.column + b.columns <= a.column;
}

static void panes_never_overlap(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 70; rows++)
        for (int columns = 1; columns <= 220; columns += 3) {
            const layout l = layout_make(rows, columns, PANE_LAYERS, false);
            assert_int_equal(l.small, rows < 10 || columns < 40);
            if (l.small)
                continue;
            int shown = 0;
            for (int i = 0; i < PANE_COUNT; i++) {
                if (l.panes[i].rows == 0)
                    continue;
                shown++;
                assert_true(inside(l.panes[i], rows, columns));
                for (int k = 0; k < i; k++)
                    assert_true(l.panes[k].rows == 0 || apart(l.panes[i], l.panes[k]));
            }
            assert_int_equal(shown, l.single ? 1 : PANE_COUNT);
            assert_true(l.panes[PANE_LAYERS].rows > 0);
        }
}

/* ---- keys ---- */

static void a_key_does_one_thing(void **state)
{
    (void)state;
    for (int i = 0; keys_at(i); i++)
        for (int k = 0; k < KEYS_OF_ROW && keys_at(i)->codes[k]; k++)
            for (int p = 0; p < PANE_COUNT; p++)
                if (keys_at(i)->places & 1u << p)
                    assert_ptr_equal(keys_find(keys_at(i)->codes[k], (pane)p),
                                     keys_at(i));
}

static void names_of_keys_are_read_back(void **state)
{
    char buffer[16];
    (void)state;
    for (int i = 0; keys_at(i); i++)
        for (int k = 0; k < KEYS_OF_ROW && keys_at(i)->codes[k]; k++) {
            const int code = keys_at(i)->codes[k];
            assert_int_equal(keys_code(keys_name(code, buffer)), code);
        }
    assert_int_equal(keys_code("Ctrl-C"), 3);
    assert_int_equal(keys_code("nonsense"), -1);
}

/* ---- curve ---- */

static void a_curve_keeps_means(void **state)
{
    static curve c;
    double sum = 0;
    (void)state;
    curve_begin(&c);
    curve_add(&c, NAN);
    for (int i = 0; i < 8 * CURVE_POINTS; i++) {
        curve_add(&c, i);
        sum += i;
    }
    assert_true(c.count <= CURVE_POINTS && c.count > CURVE_POINTS / 4);
    double means = 0;
    for (int64_t i = 0; i < c.count; i++) {
        means += c.y[i] * (double)c.span;
        assert_true(i == 0 || c.y[i] > c.y[i - 1]);
    }
    assert_int_equal(c.pending, 0);
    assert_true(fabs(means / sum - 1) < 1e-12);
    const double four[] = {1, 2, 3, 4};
    assert_true(curve_cell(four, 4, 1, 2) == 3.5);
    assert_true(curve_cell(four, 4, 7, 8) == 4);
    assert_true(isnan(curve_cell(four, 0, 0, 8)));
}

/* ---- log ---- */

static void the_log_takes_no_orders(void **state)
{
    static printed p;
    const char words[] = "name  bytes\n────  ─────\n\033[31mred\033[0m\n"
                         "10 %\r20 %\nbell\007\n\033]0;title\007rest\nopen";
    (void)state;
    for (size_t i = 0; i + 1 < sizeof words; i++)
        log_add(&p, words + i, 1);
    assert_int_equal(p.count, 6);
    assert_true(log_at(&p, 0)->head);
    assert_string_equal(log_at(&p, 2)->words, "red");
    assert_string_equal(log_at(&p, 3)->words, "20 %");
    assert_string_equal(log_at(&p, 4)->words, "bell");
    assert_string_equal(log_at(&p, 5)->words, "rest");
    for (int i = 0; i < 2 * LOG_LINES; i++)
        log_add(&p, "x\n", 2);
    assert_int_equal(p.count, LOG_LINES);
    assert_string_equal(log_at(&p, LOG_LINES - 1)->words, "x");
    log_clear(&p);
    p.columns = 10;
    log_add(&p, "what is too long\nabcdefghijklm\n", 31);
    assert_int_equal(p.count, 4);
    assert_string_equal(log_at(&p, 0)->words, "what is");
    assert_string_equal(log_at(&p, 1)->words, "too long");
    assert_string_equal(log_at(&p, 2)->words, "abcdefghij");
    assert_string_equal(log_at(&p, 3)->words, "klm");
    log_clear(&p);
}

/* ---- cards ---- */

static model *make_model(const char *options)
{
    error e = {0};
    model *m = architecture_outline(architecture_find("lenet-5"), options, &e);
    assert_non_null(m);
    assert_int_equal(graph_initialize(m->graph, INITIALIZE_UNIFORM, 1, &e), E_OK);
    return m;
}

/* Gives the session a copy of FROM as NAME with a step more. */
static void put_version(session *s, const char *from, const char *name, double amount)
{
    error e = {0};
    prune_result r;
    model *m = model_copy(session_get_model(s, from, &e), &e);
    assert_int_equal(prune_weights(m->graph, criterion_find("magnitude"), SCOPE_LAYER,
                                   TARGET_WEIGHTS, amount, 0, &r, &e),
                     E_OK);
    assert_int_equal(model_add_step(m, "prune", "pruned", &e), E_OK);
    assert_int_equal(session_put_model(s, name, m, &e), E_OK);
}

static session *make_session(void)
{
    error e = {0};
    session *s = session_new(1, &e);
    model *m = make_model("");
    assert_int_equal(model_add_step(m, "model", "new", &e), E_OK);
    assert_int_equal(session_put_model(s, "z", m, &e), E_OK);
    put_version(s, "z", "half", 0.5);
    put_version(s, "half", "b", 0.9);
    put_version(s, "z", "c", 0.7);
    return s;
}

static void versions_stand_below_what_they_were_made_from(void **state)
{
    static const struct {
        const char *name, *parent;
        int depth;
        bool last;
    } wanted[] = {{"z", NULL, 0, true},
                  {"c", "z", 1, false},
                  {"half", "z", 1, true},
                  {"b", "half", 2, true}};
    error e = {0};
    (void)state;
    session *s = make_session();
    cards *c = cards_new(s, NULL, &e);
    assert_non_null(c);
    assert_int_equal(c->count, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(c->items[i].name, wanted[i].name);
        assert_int_equal(c->items[i].depth, wanted[i].depth);
        assert_int_equal(c->items[i].last, wanted[i].last);
        assert_true(text_equal(c->items[i].parent, wanted[i].parent));
        const model *m = session_get_model(s, wanted[i].name, &e);
        assert_int_equal(c->items[i].model->bytes, model_file_bytes(m, &e));
        assert_int_equal(c->items[i].model->nonzero, graph_nonzero(m->graph));
    }
    /* What stays is shared, what has come is new, names are completed from it. */
    put_version(s, "b", "d", 0.95);
    assert_int_equal(session_drop(s, "c", &e), E_OK);
    cards *next = cards_new(s, c, &e);
    assert_int_equal(next->count, 4);
    assert_ptr_equal(cards_find(next, "b")->model, cards_find(c, "b")->model);
    assert_null(cards_find(next, "c"));
    assert_string_equal(cards_find(next, "d")->parent, "b");
    assert_int_equal(session_count(next->names), 4);
    session_free(s); /* cards outlive it */
    assert_int_equal(cards_find(c, "c")->model->layer_count,
                     cards_find(next, "z")->model->layer_count);
    cards_free(c);
    cards_free(next);
}

/* ---- layers set by hand ---- */

static int64_t layer_number(const name_card *n, const char *name)
{
    for (int64_t i = 0; i < n->model->layer_count; i++)
        if (strcmp(n->model->layers[i].name, name) == 0)
            return i;
    return -1;
}

static void what_is_predicted_comes_true(void **state)
{
    error e = {0};
    edits set = {0};
    text line = {0};
    (void)state;
    session *s = make_session();
    cards *c = cards_new(s, NULL, &e);
    const name_card *z = cards_find(c, "z");
    const int64_t f1 = layer_number(z, "f1"), f2 = layer_number(z, "f2");
    for (int i = 0; i < 16; i++)
        assert_int_equal(edits_step_amount(&set, z, f1, 1, &e), E_OK);
    assert_int_equal(edits_step_amount(&set, z, f2, 1, &e), E_OK);
    assert_int_equal(edits_step_amount(&set, z, f2, -1, &e), E_OK);
    assert_int_equal(set.changed, 1);
    assert_true(fabs(edits_amount(&set, z, f1) - 0.8) < 1e-12);
    edits_command(&set, z, &line);
    assert_string_equal(text_get(&line), "prune z layers=f1:0.8");
    /* The same by the engine, and its file. */
    model *m = model_copy(session_get_model(s, "z", &e), &e);
    double *amounts = memory_new(m->graph->parameter_count, sizeof *amounts, &e);
    for (int i = 0; i < m->graph->parameter_count; i++)
        amounts[i] = NAN;
    amounts[graph_find_parameter(m->graph, "f1.weight")] = 0.8;
    prune_result r;
    assert_int_equal(prune_parameters(m->graph, criterion_find("magnitude"),
                                      TARGET_WEIGHTS, amounts, 0, &r, &e),
                     E_OK);
    const parameter *f1_weight =
        &m->graph->parameters[graph_find_parameter(m->graph, "f1.weight")];
    assert_int_equal(parameter_nonzero(f1_weight), 48000 - 38400);
    const parameter *f2_weight =
        &m->graph->parameters[graph_find_parameter(m->graph, "f2.weight")];
    assert_null(f2_weight->mask);
    const double real = (double)model_file_bytes(m, &e);
    assert_true(fabs((double)edits_bytes(&set, z) / real - 1) < 0.01);
    memory_free(amounts);
    model_free(m);
    text_clear(&line);
    edits_clear(&set);
    cards_free(c);
    session_free(s);
}

static void changes_stay_with_their_model(void **state)
{
    error e = {0};
    edits set = {0};
    text line = {0};
    (void)state;
    session *s = make_session();
    cards *c = cards_new(s, NULL, &e);
    const name_card *z = cards_find(c, "z");
    const int64_t f1 = layer_number(z, "f1");
    assert_int_equal(edits_step_bits(&set, z, f1, -1, &e), E_OK);
    assert_int_equal(edits_bits(&set, z, f1), 16);
    assert_int_equal(edits_step_bits(&set, z, f1, -1, &e), E_OK);
    for (int i = 0; i < 8; i++)
        edits_step_amount(&set, z, f1, 1, &e);
    edits_command(&set, z, &line);
    assert_string_equal(text_get(&line), "prune z layers=f1:0.4; "
                                         "quantize z scheme=weight layers=f1:8");
    /* A new version has 0.4 already, and 32 bits still. */
    put_version(s, "z", "z", 0.5);
    cards *next = cards_new(s, c, &e);
    edits_follow(&set, next);
    assert_int_equal(edits_changed(&set, cards_find(next, "z")), 1);
    assert_int_equal(edits_bits(&set, cards_find(next, "z"), f1), 8);
    assert_string_equal(set.told, "");
    /* What is pruned stays away. */
    assert_int_equal(edits_step_amount(&set, cards_find(next, "z"), f1, -1, &e), E_RANGE);
    /* Another model has none of it, and it is not lost by looking there. */
    assert_int_equal(edits_changed(&set, cards_find(next, "b")), 0);
    assert_int_equal(edits_bits(&set, cards_find(next, "b"), f1), 32);
    assert_int_equal(edits_changed(&set, cards_find(next, "z")), 1);
    const int64_t pool = layer_number(z, "pool1");
    assert_int_equal(edits_step_bits(&set, z, pool, -1, &e), E_USAGE);
    text_clear(&line);
    edits_clear(&set);
    cards_free(next);
    cards_free(c);
    session_free(s);
}

static void changes_outlive_a_training(void **state)
{
    error e = {0};
    edits set = {0};
    (void)state;
    session *s = make_session();
    cards *c = cards_new(s, NULL, &e);
    const name_card *z = cards_find(c, "z");
    const int64_t f1 = layer_number(z, "f1"), out = layer_number(z, "f3");
    assert_int_equal(edits_step_amount(&set, z, f1, 10, &e), E_OK);
    assert_int_equal(edits_step_bits(&set, z, out, -2, &e), E_OK);
    /* Other weights, as after a training. */
    model *m = model_copy(session_get_model(s, "z", &e), &e);
    assert_int_equal(graph_initialize(m->graph, INITIALIZE_UNIFORM, 7, &e), E_OK);
    assert_int_equal(session_put_model(s, "z", m, &e), E_OK);
    cards *next = cards_new(s, c, &e);
    edits_follow(&set, next);
    const name_card *after = cards_find(next, "z");
    assert_true(after->model != z->model);
    assert_int_equal(edits_changed(&set, after), 2);
    assert_true(fabs(edits_amount(&set, after, f1) - 0.5) < 1e-12);
    assert_int_equal(edits_bits(&set, after, out), 8);
    assert_string_equal(set.told, "");
    /* A layer of another shape is another layer, and that is said. */
    m = make_model("classes=7");
    assert_int_equal(session_put_model(s, "z", m, &e), E_OK);
    cards *last = cards_new(s, next, &e);
    const name_card *other = cards_find(last, "z");
    edits_follow(&set, last);
    assert_int_equal(edits_changed(&set, other), 1);
    assert_true(fabs(edits_amount(&set, other, f1) - 0.5) < 1e-12);
    assert_int_equal(edits_bits(&set, other, out), 32);
    assert_non_null(strstr(set.told, "of 2 changes 1"));
    /* Without the model there is nothing left. */
    set.told[0] = '\0';
    assert_int_equal(session_drop(s, "z", &e), E_OK);
    cards *none = cards_new(s, last, &e);
    edits_follow(&set, none);
    assert_null(set.model);
    assert_non_null(strstr(set.told, "z is gone"));
    edits_clear(&set);
    cards_free(none);
    cards_free(last);
    cards_free(next);
    cards_free(c);
    session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panes_never_overlap),
        cmocka_unit_test(a_key_does_one_thing),
        cmocka_unit_test(names_of_keys_are_read_back),
        cmocka_unit_test(a_curve_keeps_means),
        cmocka_unit_test(the_log_takes_no_orders),
        cmocka_unit_test(versions_stand_below_what_they_were_made_from),
        cmocka_unit_test(what_is_predicted_comes_true),
        cmocka_unit_test(changes_stay_with_their_model),
        cmocka_unit_test(changes_outlive_a_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
