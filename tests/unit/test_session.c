/* SPDX-License-Identifier: GPL-3.0-or-later
   test_session.c -- names, undo and redo, brackets, variables and journal; sessions as
   folders, exact to the bit; and allocations that fail one after the other, each of which
   must leave the session whole. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/model_file.h"
#include "session/store.h"
#include "support_graph.h"

/* ---- things with names ---- */

static table *make_table(double value, error *e)
{
    table *t = table_new(e);
    if (!t)
        return NULL;
    table_row(t);
    table_real(t, "amount", value);
    table_text(t, "model", "m \"90\"");
    table_row(t);
    table_real(t, "amount", NAN);
    table_integer(t, "bytes", INT64_C(9007199254740993));
    table_flag(t, "best", true);
    table_none(t, "model");
    table_row(t);
    table_real(t, "amount", 5);
    table_real(t, "loss", -INFINITY);
    if (table_ok(t, e) == E_OK)
        return t;
    table_free(t);
    return NULL;
}

static model *make_model(uint64_t seed)
{
    graph *g = support_unet(16);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    assert_non_null(m);
    assert_int_equal(model_add_step(m, "model m test", "made", NULL), E_OK);
    return m;
}

static dataset *make_dataset(bool groups, int64_t mask_channels)
{
    enum { N = 5, H = 4, W = 3 };
    dataset *d = dataset_new(NULL);
    d->count = N;
    d->input = tensor_new(
        DTYPE_F32, shape_of(4, (int64_t)N, (int64_t)H, (int64_t)W, INT64_C(1)), NULL);
    d->target = tensor_new(
        DTYPE_F32, shape_of(4, (int64_t)N, (int64_t)H, (int64_t)W, INT64_C(2)), NULL);
    d->mask = tensor_new(
        DTYPE_U8, shape_of(4, (int64_t)N, (int64_t)H, (int64_t)W, mask_channels), NULL);
    float *x = tensor_write_f32(d->input, NULL), *y = tensor_write_f32(d->target, NULL);
    uint8_t *mask = tensor_write(d->mask, NULL);
    for (int i = 0; i < N * H * W; i++) {
        x[i] = (float)i / 7;
        y[2 * i] = -x[i];
        y[2 * i + 1] = x[i] * x[i];
        for (int64_t c = 0; c < mask_channels; c++)
            mask[i * mask_channels + c] = (uint8_t)(i % (3 + c) == 0);
    }
    d->split = memory_new(N, 1, NULL);
    for (int i = 0; i < N; i++)
        d->split[i] = (uint8_t)(i % 4);
    if (groups) {
        d->group = memory_new(N, sizeof *d->group, NULL);
        for (int i = 0; i < N; i++)
            d->group[i] = 1000 - i / 2;
        d->facts = table_new(NULL);
        for (int i = 0; i < N; i++) {
            table_row(d->facts);
            table_real(d->facts, "omega", 0.1 * i);
            table_integer(d->facts, "vortices", i);
            table_text(d->facts, "state", i % 2 ? "odd, \"strange\"" : "even");
            if (i == 2)
                table_flag(d->facts, "kept", false);
        }
    }
    d->source = memory_text("gpe", NULL);
    d->origin = memory_text("gpe n=5 grid=4", NULL);
    d->input_name = memory_text("density", NULL);
    d->target_name = memory_text("phase gradient", NULL);
    assert_int_equal(dataset_check(d, NULL), E_OK);
    return d;
}

static status put_table(session *s, const char *name, double value, error *e)
{
    table *t = make_table(value, e);
    return t ? session_put_table(s, name, t, e) : E_MEMORY;
}

/* What stands under NAME, by its first number; NaN where nothing does. */
static double value_of(const session *s, const char *name)
{
    double value = NAN;
    const table *t = session_get_table(s, name, NULL);
    if (t)
        table_number(t, 0, "amount", &value);
    return value;
}

static status set(session *s, const char *name, double value)
{
    assert_int_equal(session_begin(s, name, NULL), E_OK);
    status result = put_table(s, name, value, NULL);
    session_end(s);
    return result;
}

/* ---- names ---- */

static void names_are_kept(void **state)
{
    (void)state;
    error e = {0};
    session *s = session_new(3, &e);
    assert_int_equal(session_seed(s), 3);
    assert_int_equal(put_table(s, "sweep", 1, &e), E_OK);
    assert_int_equal(session_put_model(s, "m", make_model(1), &e), E_OK);
    assert_int_equal(session_put_dataset(s, "d", make_dataset(true, 1), &e), E_OK);
    assert_int_equal(session_count(s), 3);
    object_kind kind;
    assert_string_equal(session_name(s, 0, &kind), "d");
    assert_int_equal(kind, OBJECT_DATASET);
    assert_string_equal(session_name(s, 2, &kind), "sweep");
    assert_int_equal(kind, OBJECT_TABLE);
    assert_null(session_get_model(s, "d", &e));
    assert_string_equal(e.text, "'d' is a dataset, want a model");
    assert_null(session_get_table(s, "swep", &e));
    assert_string_equal(e.hint, "did you mean 'sweep'?");
    assert_int_equal(e.code, E_NAME);
    assert_int_equal(session_kind(s, "none"), OBJECT_NONE);
    assert_int_equal(session_drop(s, "none", &e), E_NAME);
    assert_int_equal(session_rename(s, "none", "x", &e), E_NAME);
    assert_int_equal(session_rename(s, "sweep", "3", &e), E_NAME);
    assert_int_equal(session_kind(s, "sweep"), OBJECT_TABLE);
    assert_int_equal(session_rename(s, "sweep", "a", &e), E_OK);
    assert_int_equal(session_kind(s, "sweep"), OBJECT_NONE);
    assert_string_equal(session_name(s, 0, &kind), "a");
    /* a copy is the same object, and outlives the first name */
    assert_int_equal(session_copy(s, "m", "b", &e), E_OK);
    const model *m = session_get_model(s, "m", &e);
    assert_ptr_equal(session_get_model(s, "b", &e), m);
    assert_int_equal(session_drop(s, "m", &e), E_OK);
    assert_ptr_equal(session_get_model(s, "b", &e), m);
    assert_int_equal(session_copy(s, "b", "b", &e), E_OK);
    assert_int_equal(session_rename(s, "b", "b", &e), E_OK);
    assert_ptr_equal(session_get_model(s, "b", &e), m);
    session_free(s);
}

static void names_are_checked(void **state)
{
    static const char *const good[] = {"m", "unet-90", "a.b", "_x", "2d", "m_1"};
    static const char *const bad[] = {"",    "3",   "1e5", "-x",  ".x",  "a b",
                                      "a/b", "a=b", "é",   "a;b", "a\nb"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(session_check_name(good[i], NULL), E_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(session_check_name(bad[i], NULL), E_NAME);
    char longest[65];
    memset(longest, 'a', sizeof longest);
    longest[64] = '\0';
    assert_int_equal(session_check_name(longest, NULL), E_NAME);
    assert_int_equal(session_check_name(longest + 1, NULL), E_OK);
}

/* ---- undo ---- */

static void steps_are_undone(void **state)
{
    (void)state;
    error e = {0};
    const char *command;
    session *s = session_new(1, &e);
    assert_int_equal(session_undo(s, &command, &e), E_NAME);
    assert_string_equal(e.text, "there is nothing to undo");
    set(s, "a", 1);
    set(s, "b", 2);
    set(s, "a", 3);
    assert_int_equal(session_undo_count(s), 3);
    assert_string_equal(session_undo_command(s, 1), "b");
    assert_null(session_undo_command(s, 3));
    assert_int_equal(session_undo(s, &command, &e), E_OK);
    assert_string_equal(command, "a");
    assert_true(value_of(s, "a") == 1);
    assert_int_equal(session_undo(s, &command, &e), E_OK);
    assert_string_equal(command, "b");
    assert_int_equal(session_kind(s, "b"), OBJECT_NONE);
    assert_int_equal(session_redo(s, &command, &e), E_OK);
    assert_string_equal(command, "b");
    assert_true(value_of(s, "b") == 2);
    assert_int_equal(session_redo(s, &command, &e), E_OK);
    assert_true(value_of(s, "a") == 3);
    assert_int_equal(session_redo(s, &command, &e), E_NAME);
    /* something new cuts off what was undone */
    session_undo(s, &command, &e);
    set(s, "c", 4);
    assert_int_equal(session_redo(s, &command, &e), E_NAME);
    session_undo(s, &command, &e);
    assert_string_equal(command, "c");
    assert_true(value_of(s, "a") == 1 && value_of(s, "b") == 2);
    session_forget_undo(s);
    assert_int_equal(session_undo_count(s), 0);
    assert_true(value_of(s, "a") == 1);
    session_free(s);
}

static void brackets_hold(void **state)
{
    (void)state;
    error e = {0};
    session *s = session_new(1, &e);
    set(s, "a", 1);
    const table *before = session_get_table(s, "a", &e);
    /* nothing changed: no step */
    session_begin(s, "eval", &e);
    assert_false(session_end(s));
    assert_int_equal(session_undo_count(s), 1);
    /* rollback gives back the very objects */
    session_begin(s, "bad", &e);
    put_table(s, "a", 2, &e);
    put_table(s, "b", 2, &e);
    session_drop(s, "a", &e);
    session_rollback(s);
    assert_ptr_equal(session_get_table(s, "a", &e), before);
    assert_int_equal(session_count(s), 1);
    assert_int_equal(session_undo_count(s), 1);
    /* inner brackets are part of the outer step */
    session_begin(s, "sweep", &e);
    session_begin(s, "one", &e);
    put_table(s, "x", 1, &e);
    assert_true(session_end(s));
    session_begin(s, "two", &e);
    put_table(s, "y", 1, &e);
    session_rollback(s);
    assert_int_equal(session_kind(s, "y"), OBJECT_NONE);
    assert_int_equal(session_kind(s, "x"), OBJECT_TABLE);
    assert_int_equal(session_undo_count(s), 1);
    assert_true(session_end(s));
    assert_int_equal(session_undo_count(s), 2);
    assert_string_equal(session_undo_command(s, 0), "sweep");
    /* an outer rollback takes inner steps back too */
    session_begin(s, "sweep", &e);
    session_begin(s, "one", &e);
    put_table(s, "z", 1, &e);
    session_end(s);
    session_rollback(s);
    assert_int_equal(session_kind(s, "z"), OBJECT_NONE);
    assert_int_equal(session_undo_count(s), 2);
    /* without a bracket there is nothing to end */
    assert_false(session_end(s));
    session_rollback(s);
    session_free(s);
}

static void steps_are_bounded(void **state)
{
    (void)state;
    session *s = session_new(1, NULL);
    for (int i = 0; i < 300; i++)
        set(s, "a", i);
    assert_int_equal(session_undo_count(s), 200);
    const char *command;
    while (session_undo(s, &command, NULL) == E_OK) {
    }
    assert_true(value_of(s, "a") == 99);
    session_free(s);
}

static void words_are_kept(void **state)
{
    (void)state;
    error e = {0};
    session *s = session_new(1, &e);
    assert_null(session_variable(s, "x"));
    assert_int_equal(session_let(s, "x", "0.9", &e), E_OK);
    assert_int_equal(session_let(s, "y_2", "a b", &e), E_OK);
    assert_int_equal(session_let(s, "x", "", &e), E_OK);
    assert_string_equal(session_variable(s, "x"), "");
    assert_int_equal(session_variable_count(s), 2);
    assert_string_equal(session_variable_name(s, 1), "y_2");
    assert_int_equal(session_let(s, "2x", "a", &e), E_NAME);
    assert_int_equal(session_let(s, "", "a", &e), E_NAME);
    assert_int_equal(session_let(s, "a-b", "a", &e), E_NAME);
    session_journal_add(s, "model m test", &e);
    session_journal_add(s, "undo", &e);
    assert_int_equal(session_journal_count(s), 2);
    assert_string_equal(session_journal_line(s, 1), "undo");
    session_free(s);
}

/* ---- sessions as folders ---- */

static char folder[] = "/tmp/lathe-session-XXXXXX";

static char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static session *make_session(void)
{
    error e = {0};
    session *s = session_new(UINT64_MAX, &e);
    assert_int_equal(session_put_model(s, "m", make_model(1), &e), E_OK);
    assert_int_equal(session_put_dataset(s, "d", make_dataset(true, 1), &e), E_OK);
    assert_int_equal(session_put_dataset(s, "d2", make_dataset(false, 2), &e), E_OK);
    assert_int_equal(put_table(s, "manifest", 0.1, &e), E_OK);
    session_let(s, "x", "0.5,0.7 \"quoted\"", &e);
    session_journal_add(s, "model m test", &e);
    session_journal_add(s, "# stopped before its end:", &e);
    return s;
}

static void assert_same_table(const table *a, const table *b)
{
    assert_int_equal(a->row_count, b->row_count);
    assert_int_equal(a->column_count, b->column_count);
    for (int64_t j = 0; j < a->column_count; j++)
        assert_string_equal(a->columns[j], b->columns[j]);
    for (int64_t i = 0; i < a->row_count * a->column_count; i++) {
        const cell *x = &a->cells[i], *y = &b->cells[i];
        assert_int_equal(x->kind, y->kind);
        assert_true(text_equal(x->words, y->words));
        assert_int_equal(x->integer, y->integer);
        assert_int_equal(x->flag, y->flag);
        assert_true(x->real == y->real || (isnan(x->real) && isnan(y->real)));
    }
}

static void assert_same_dataset(const dataset *a, const dataset *b)
{
    assert_int_equal(a->count, b->count);
    assert_true(tensor_equal(a->input, b->input));
    assert_true(tensor_equal(a->target, b->target));
    assert_true(tensor_equal(a->mask, b->mask));
    assert_int_equal(!a->group, !b->group);
    if (a->group)
        assert_memory_equal(a->group, b->group, (size_t)a->count * sizeof *a->group);
    assert_memory_equal(a->split, b->split, (size_t)a->count);
    assert_int_equal(!a->facts, !b->facts);
    if (a->facts)
        assert_same_table(a->facts, b->facts);
    assert_string_equal(a->source, b->source);
    assert_string_equal(a->origin, b->origin);
    assert_string_equal(a->input_name, b->input_name);
    assert_string_equal(a->target_name, b->target_name);
}

static void assert_same_session(const session *a, const session *b)
{
    assert_int_equal(session_count(a), session_count(b));
    assert_int_equal(graph_hash(session_get_model(a, "m", NULL)->graph),
                     graph_hash(session_get_model(b, "m", NULL)->graph));
    assert_string_equal(session_get_model(b, "m", NULL)->steps[0].command,
                        "model m test");
    assert_same_dataset(session_get_dataset(a, "d", NULL),
                        session_get_dataset(b, "d", NULL));
    assert_same_dataset(session_get_dataset(a, "d2", NULL),
                        session_get_dataset(b, "d2", NULL));
    assert_same_table(session_get_table(a, "manifest", NULL),
                      session_get_table(b, "manifest", NULL));
    assert_string_equal(session_variable(a, "x"), session_variable(b, "x"));
    assert_int_equal(session_seed(a), session_seed(b));
}

static void folders_are_exact(void **state)
{
    (void)state;
    error e = {0};
    session *s = make_session(), *back = session_new(1, &e);
    const char *path = in_folder("work/");
    for (int round = 0; round < 2; round++) { /* the second replaces the first */
        if (session_save(s, path, &e) != E_OK)
            fail_msg("%s", e.text);
    }
    if (session_load(back, path, &e) != E_OK)
        fail_msg("%s", e.text);
    assert_same_session(s, back);
    assert_int_equal(session_journal_count(back), 2);
    assert_string_equal(session_journal_line(back, 1), "# stopped before its end:");
    /* into a session that has something, names are added and the journal is its own */
    session *full = session_new(1, &e);
    put_table(full, "other", 7, &e);
    put_table(full, "m", 7, &e); /* a table, which no model may replace */
    assert_int_equal(session_load(full, path, &e), E_NAME);
    assert_int_equal(session_drop(full, "m", &e), E_OK);
    assert_int_equal(session_load(full, path, &e), E_OK);
    assert_int_equal(session_count(full), 5);
    assert_int_equal(session_kind(full, "m"), OBJECT_MODEL);
    assert_int_equal(session_journal_count(full), 0);
    session_free(full);
    session_free(back);
    session_free(s);
}

static void write_file(const char *path, const char *words)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(words, f);
    fclose(f);
}

static void damage_is_found(void **state)
{
    (void)state;
    error e = {0};
    session *s = make_session(), *back = session_new(1, &e);
    char path[256], file[300];
    snprintf(path, sizeof path, "%s", in_folder("hurt"));
    assert_int_equal(session_save(s, path, &e), E_OK);
    assert_int_equal(session_load(back, in_folder("nowhere"), &e), E_FILE);
    /* a file of the user's is not thrown away */
    snprintf(file, sizeof file, "%s/notes.txt", path);
    write_file(file, "mine");
    assert_int_equal(session_save(s, path, &e), E_FILE);
    assert_non_null(strstr(e.text, "notes.txt"));
    unlink(file);
    /* nor is a folder that is no session, or a file */
    mkdir(in_folder("plain"), 0700);
    write_file(in_folder("plain/a"), "mine");
    assert_int_equal(session_save(s, in_folder("plain"), &e), E_FILE);
    assert_int_equal(session_save(s, in_folder("plain/a"), &e), E_FILE);
    /* another model than the manifest's */
    snprintf(file, sizeof file, "%s/m.safetensors", path);
    model *m = make_model(2);
    assert_int_equal(model_write(m, file, &e), E_OK);
    assert_int_equal(session_load(back, path, &e), E_FORMAT);
    assert_non_null(strstr(e.text, "m.safetensors"));
    assert_int_equal(model_write(session_get_model(s, "m", &e), file, &e), E_OK);
    model_free(m);
    /* another dataset */
    snprintf(file, sizeof file, "%s/d.npz", path);
    dataset *d = make_dataset(true, 1);
    d->split[0] = SPLIT_TEST;
    assert_int_equal(dataset_write_npz(d, file, &e), E_OK);
    dataset_free(d);
    assert_int_equal(session_load(back, path, &e), E_FORMAT);
    assert_non_null(strstr(e.text, "d.npz"));
    assert_int_equal(session_count(back), 0);
    unlink(file);
    assert_int_not_equal(session_load(back, path, &e), E_OK);
    static const char *const manifests[] = {
        "",
        "[]",
        "{",
        "{\"lathe_session\": 1}",
        "{\"lathe_session\": 99}",
        "{\"lathe_session\": 1, \"seed\": \"1\", \"variables\": [], \"objects\": [{}]}",
        "{\"lathe_session\": 1, \"seed\": \"1\", \"variables\": [{}], \"objects\": []}",
        "{\"lathe_session\": 1, \"seed\": \"1\", \"variables\": [], \"objects\": "
        "[{\"name\": \"../m\", \"kind\": \"model\", \"hash\": \"1\"}]}",
        "{\"lathe_session\": 1, \"seed\": \"1\", \"variables\": [], \"objects\": "
        "[{\"name\": \"m\", \"kind\": \"\", \"hash\": \"1\"}]}",
    };
    snprintf(file, sizeof file, "%s/manifest.json", path);
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        write_file(file, manifests[i]);
        error_clear(&e);
        if (session_load(back, path, &e) == E_OK || !e.text[0])
            fail_msg("taken: %s", manifests[i]);
        assert_int_equal(session_count(back), 0);
    }
    session_free(back);
    session_free(s);
}

/* ---- failing allocations ---- */

/* Commands of every kind, in a process where the N-th allocation fails; whatever happens,
   the session is the one before or the one after each of them. */
static int survive(void)
{
    error e = {0};
    const char *command;
    session *s = session_new(1, &e);
    if (!s)
        return e.code == E_MEMORY ? 0 : 10;
    double a = NAN, b = NAN;
    for (int i = 1; i <= 4; i++) {
        if (session_begin(s, "set", &e) != E_OK)
            continue;
        status result = put_table(s, "a", i, &e);
        if (result == E_OK)
            result = session_copy(s, "a", "b", &e);
        if (result == E_OK) {
            session_end(s);
            a = b = i;
        } else {
            session_rollback(s);
        }
        double now_a = value_of(s, "a"), now_b = value_of(s, "b");
        if (!(now_a == a || (isnan(now_a) && isnan(a))) ||
            !(now_b == b || (isnan(now_b) && isnan(b))))
            return 11;
    }
    int64_t steps = session_undo_count(s);
    if (session_undo(s, &command, &e) == E_OK) {
        if (session_undo_count(s) != steps - 1)
            return 12;
        if (session_redo(s, &command, &e) == E_OK && value_of(s, "a") != a)
            return 13;
    }
    if (session_let(s, "x", "1", &e) == E_OK &&
        strcmp(session_variable(s, "x"), "1") != 0)
        return 14;
    int64_t lines = session_journal_count(s);
    status added = session_journal_add(s, "line", &e);
    if (session_journal_count(s) != lines + (added == E_OK))
        return 15;
    session_drop(s, "b", &e);
    session_rename(s, "a", "c", &e);
    session_free(s);
    return memory_in_use() == 0 ? 0 : 16;
}

static void failures_leave_it_whole(void **state)
{
    (void)state;
    for (int n = 1; n < 160; n++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            char words[16];
            snprintf(words, sizeof words, "%d", n);
            setenv("LATHE_FAIL_ALLOC", words, 1);
            execl("/proc/self/exe", "test_session", "survive", (char *)NULL);
            _exit(99);
        }
        int ended;
        assert_int_equal(waitpid(child, &ended, 0), child);
        if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0)
            fail_msg("allocation %d: ended with %x", n, ended);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_kept),          cmocka_unit_test(names_are_checked),
        cmocka_unit_test(steps_are_undone),        cmocka_unit_test(brackets_hold),
        cmocka_unit_test(steps_are_bounded),       cmocka_unit_test(words_are_kept),
        cmocka_unit_test(folders_are_exact),       cmocka_unit_test(damage_is_found),
        cmocka_unit_test(failures_leave_it_whole),
    };
    if (argc > 1 && strcmp(argv[1], "survive") == 0)
        return survive();
    if (!mkdtemp(folder))
        return 99;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? failed : 99;
}
