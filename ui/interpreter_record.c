/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter_record.c -- every command that is worth finding again leaves a receipt in the
   ledger.  What goes wrong here costs the command nothing: it is told once. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/random.h"
#include "format/model_file.h"
#include "ui/interpreter_parts.h"

/* A model that the session had before the command. */
typedef struct earlier {
    char *name;
    const model *model; /* compared, never followed */
} earlier;

/* A model that the command read or made. */
typedef struct part {
    ledger_model facts;
    char *architecture; /* of the facts */
    int64_t epochs;
    double loss; /* of the last epoch */
} part;

struct record {
    double started;
    earlier *before;
    int64_t before_count, before_capacity;
    part *parts;
    int64_t part_count, part_capacity;
    ledger_point *points;
    int64_t point_count, point_capacity;
    record_data data;
};

/* ---- the database ---- */

static void name_session(char name[17])
{
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits) {
        struct timespec now = {0};
        const int64_t process = getpid();
        clock_gettime(CLOCK_REALTIME, &now);
        bits = random_hash(&now, sizeof now, HASH_START);
        bits = random_hash(&process, sizeof process, bits);
    }
    ledger_hash(name, bits);
}

/* The path that WORDS mean: their own, or the user's own database. */
static char *database_path(const char *words, error *e)
{
    if (words)
        return memory_text(words, e);
    char *folder = file_state_folder(e);
    char *path = folder ? memory_format(e, "%s/runs.db", folder) : NULL;
    memory_free(folder);
    return path;
}

status interpreter_set_database(interpreter *i, const char *words, bool now, error *e)
{
    recorder *r = &i->recorder;
    recorder next = {.off = text_equal(words, "none")};
    memcpy(next.session, r->session, sizeof next.session);
    if (!next.session[0])
        name_session(next.session);
    if (!next.off) {
        next.path = database_path(words, e);
        if (!next.path)
            return e ? e->code : E_MEMORY;
    }
    if (!next.off && now) {
        next.ledger = ledger_open(next.path, e);
        if (!next.ledger) {
            memory_free(next.path);
            return e ? e->code : E_FILE;
        }
    }
    recorder_clear(r);
    *r = next;
    return E_OK;
}

const char *interpreter_session_word(const interpreter *i)
{
    return i->recorder.session;
}

const char *interpreter_database(const interpreter *i)
{
    return i->recorder.off || !i->recorder.path ? "none" : i->recorder.path;
}

void recorder_clear(recorder *r)
{
    ledger_close(r->ledger);
    memory_free(r->path);
    *r = (recorder){.off = true};
}

ledger *interpreter_ledger(interpreter *i, error *e)
{
    recorder *r = &i->recorder;
    if (r->off || !r->path) {
        fail(e, E_USAGE, "no runs are recorded");
        fail_hint(e, "'set db=FILE' names a database");
        return NULL;
    }
    if (!r->ledger)
        r->ledger = ledger_open(r->path, e);
    return r->ledger;
}

/* The first failure is told, and the session goes on without receipts. */
static void give_up(run *r, const error *e)
{
    recorder *to = &r->i->recorder;
    text_addf(&r->call.notes, "runs are no longer recorded: %s\n", e->text);
    ledger_close(to->ledger);
    to->ledger = NULL;
    to->off = true;
}

/* ---- models ---- */

static void add_epoch_mark(part *p, const model *m)
{
    p->epochs = m->epoch_count;
    p->loss = m->epoch_count > 0 ? m->epochs[m->epoch_count - 1].train_loss : NAN;
}

static part *add_part(record *k, const char *name, const char *role, const model *m)
{
    if (memory_grow((void **)&k->parts, &k->part_capacity, k->part_count + 1,
                    sizeof *k->parts, NULL))
        return NULL;
    part *p = &k->parts[k->part_count];
    *p =
        (part){.architecture = memory_text(m->architecture ? m->architecture : "", NULL)};
    if (!p->architecture)
        return NULL;
    k->part_count++;
    p->facts = (ledger_model){
        .name = name,
        .role = role,
        .hash = graph_hash(m->graph),
        .architecture = p->architecture,
        .parameters = graph_parameter_count(m->graph),
        .nonzero = graph_nonzero(m->graph),
        .bytes = -1,
        .multiply_adds = graph_multiply_adds(m->graph, m->graph->input_shape, NULL),
    };
    add_epoch_mark(p, m);
    return p;
}

static void add_input(run *r, const char *role, const char *name)
{
    const session *s = r->i->session;
    if (session_kind(s, name) == OBJECT_MODEL)
        add_part(r->record, name, role, session_get_model(s, name, NULL));
}

static void add_inputs(run *r)
{
    const option_set *o = &r->call.options;
    for (int64_t i = 0; i < o->count; i++) {
        const option_value *v = &o->values[i];
        if (!v->present)
            continue;
        if (v->row->kind == OPTION_MODEL)
            add_input(r, v->row->name, v->words);
        for (int64_t k = 0; v->row->kind == OPTION_WORDS && k < v->count; k++)
            add_input(r, v->row->name, v->items[k]);
    }
}

static void add_earlier(record *k, const char *name, const model *m)
{
    if (memory_grow((void **)&k->before, &k->before_capacity, k->before_count + 1,
                    sizeof *k->before, NULL))
        return;
    char *copy = memory_text(name, NULL);
    if (copy)
        k->before[k->before_count++] = (earlier){copy, m};
}

/* The bytes of the file of the model NAME, where the answer tells them. */
static int64_t bytes_told(const table *rows, const char *name)
{
    double bytes;
    int64_t model_column = table_column(rows, "model");
    for (int64_t i = rows->row_count - 1; i >= 0; i--)
        if (text_equal(table_get(rows, i, model_column)->words, name) &&
            table_number(rows, i, "bytes", &bytes))
            return (int64_t)bytes;
    return -1;
}

static void add_point(record *k, const char *model, const char *series, double x,
                      double y)
{
    if (memory_grow((void **)&k->points, &k->point_capacity, k->point_count + 1,
                    sizeof *k->points, NULL) == E_OK)
        k->points[k->point_count++] = (ledger_point){model, series, x, y};
}

/* The training of M, unless one of the models read had the same behind it. */
static void add_curve(record *k, const part *made, const char *name, const model *m)
{
    for (const part *p = k->parts; p < made; p++)
        if (p->epochs == made->epochs && p->loss == made->loss)
            return;
    for (int64_t i = 0; i < m->epoch_count; i++) {
        const epoch_row *row = &m->epochs[i];
        const double x = (double)row->epoch;
        add_point(k, name, "train_loss", x, row->train_loss);
        add_point(k, name, "val_loss", x, row->val_loss);
        add_point(k, name, "learning_rate", x, row->learning_rate);
        if (row->metric[0])
            add_point(k, name, row->metric, x, row->score);
    }
}

static bool was_there(const record *k, const char *name, const model *m)
{
    for (int64_t i = 0; i < k->before_count; i++)
        if (strcmp(k->before[i].name, name) == 0)
            return k->before[i].model == m;
    return false;
}

static void add_outputs(run *r)
{
    const session *s = r->i->session;
    object_kind kind;
    for (int64_t i = 0; i < session_count(s); i++) {
        const char *name = session_name(s, i, &kind);
        const model *m = kind == OBJECT_MODEL ? session_get_model(s, name, NULL) : NULL;
        if (!m || was_there(r->record, name, m))
            continue;
        part *made = add_part(r->record, name, "output", m);
        if (!made)
            return;
        made->facts.bytes = bytes_told(r->call.rows, name);
        if (made->facts.bytes < 0)
            made->facts.bytes = model_file_bytes(m, NULL);
        add_curve(r->record, made, name, m);
    }
}

/* ---- a receipt ---- */

/* Fills ARGUMENTS, which has room for all options; how many there are. */
static int64_t list_arguments(const run *r, ledger_argument *arguments)
{
    const option_set *o = &r->call.options;
    int64_t count = 0;
    for (int64_t i = 0; i < o->count; i++) {
        const option_value *v = &o->values[i];
        if (v->present)
            arguments[count++] = (ledger_argument){
                v->row->name, v->words ? v->words : v->row->standard, v->given};
    }
    return count;
}

static int64_t seed_of(const run *r)
{
    const option_set *o = &r->call.options;
    for (int64_t i = 0; i < o->count; i++)
        if (o->values[i].present && strcmp(o->values[i].row->name, "seed") == 0)
            return o->values[i].integer;
    return (int64_t)session_seed(r->i->session);
}

static status send(run *r, receipt *to, ledger_argument *arguments, ledger_model *models,
                   ledger_data *data, error *e)
{
    const record *k = r->record;
    for (int64_t i = 0; i < k->data.count; i++)
        data[i] = k->data.items[i].facts;
    to->data = data;
    to->data_count = k->data.count;
    for (int64_t i = 0; i < k->part_count; i++)
        models[i] = k->parts[i].facts;
    to->arguments = arguments;
    to->argument_count = list_arguments(r, arguments);
    to->models = models;
    to->model_count = k->part_count;
    ledger *l = interpreter_ledger(r->i, e);
    return l ? ledger_record(l, to, &r->number, e) : e->code;
}

static status send_receipt(run *r, const char *state, const char *why, error *e)
{
    const record *k = r->record;
    char process[PROCESS_NAME];
    receipt to = {
        .session = r->i->recorder.session,
        .command = r->command->name,
        .line = text_get(&r->line),
        .parent = r->outer ? r->outer->number : r->i->recorder.outer,
        .seed = seed_of(r),
        .started = k->started,
        .seconds = r->seconds,
        .status = state,
        .process = text_equal(state, "running") ? process_name(process) : NULL,
        .machine = cpu_model_name(),
        .level = cpu_level_name(cpu_get_level()),
        .threads = cpu_threads(),
        .version = PACKAGE_VERSION,
        .error = why,
        .warnings = text_get(&r->call.notes),
        .points = k->points,
        .point_count = k->point_count,
        .rows = r->call.rows,
    };
    ledger_argument *arguments = memory_new(r->call.options.count, sizeof *arguments, e);
    ledger_model *models = memory_new(k->part_count, sizeof *models, e);
    ledger_data *data = memory_new(k->data.count, sizeof *data, e);
    status s =
        arguments && models && data ? send(r, &to, arguments, models, data, e) : E_MEMORY;
    memory_free(arguments);
    memory_free(models);
    memory_free(data);
    return s;
}

/* The runs around R get their numbers first: it names the one that ran it. */
static status begin_outer(run *r, error *e)
{
    if (!r || !r->record || r->number)
        return E_OK;
    TRY(begin_outer(r->outer, e));
    return send_receipt(r, "running", NULL, e);
}

/* A command that may be killed has a receipt while it works. */
static void begin_long(run *r)
{
    error e = {0};
    if (begin_outer(r, &e) != E_OK)
        give_up(r, &e);
}

void record_begin(run *r)
{
    const session *s = r->i->session;
    struct timespec now = {0};
    object_kind kind;
    const unsigned flags = r->command->flags;
    bool draws = (flags & COMMAND_DRAWS) && r->call.output_file;
    if (!((flags & COMMAND_RECORDED) || draws) || r->i->recorder.off ||
        !(r->record = memory_new(1, sizeof *r->record, NULL)))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    r->record->started = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    for (int64_t i = 0; i < session_count(s); i++) {
        const char *name = session_name(s, i, &kind);
        if (kind == OBJECT_MODEL)
            add_earlier(r->record, name, session_get_model(s, name, NULL));
    }
    add_inputs(r);
    record_data_inputs(r, &r->record->data);
    if (r->i->captures == 0 && (r->command->flags & COMMAND_LONG))
        begin_long(r);
}

bool interpreter_record(interpreter *i, bool on)
{
    const bool was = !i->recorder.off;
    i->recorder.off = !on;
    return was;
}

int64_t interpreter_run_number(interpreter *i)
{
    run *r = i->running;
    error e = {0};
    if (!r || !r->record || i->recorder.off)
        return 0;
    if (begin_outer(r, &e) != E_OK)
        give_up(r, &e);
    return r->number;
}

void interpreter_set_outer_run(interpreter *i, int64_t number)
{
    i->recorder.outer = number;
}

void record_end(run *r, status result, const error *why)
{
    error e = {0};
    if (!r->record || r->i->recorder.off)
        return;
    if (result == E_OK || result == E_STOPPED) {
        add_outputs(r);
        record_data_outputs(r, &r->record->data);
    }
    status s = begin_outer(r->outer, &e);
    if (s == E_OK)
        s = send_receipt(r,
                         result == E_OK        ? "done"
                         : result == E_STOPPED ? "stopped"
                                               : "failed",
                         result == E_OK ? NULL : why->text, &e);
    if (s != E_OK)
        give_up(r, &e);
}

void record_free(record *k)
{
    if (!k)
        return;
    for (int64_t i = 0; i < k->before_count; i++)
        memory_free(k->before[i].name);
    for (int64_t i = 0; i < k->part_count; i++)
        memory_free(k->parts[i].architecture);
    record_data_clear(&k->data);
    memory_free(k->before);
    memory_free(k->parts);
    memory_free(k->points);
    memory_free(k);
}
