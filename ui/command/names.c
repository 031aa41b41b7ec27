/* SPDX-License-Identifier: GPL-3.0-or-later
   names.c -- the commands `list`, `copy`, `rename` and `drop`: what has a name in the
   session, and under which; and what could get one.  It looks into no tensor. */
#include "compress/channel.h"
#include "compress/correction.h"
#include "compress/observer.h"
#include "compress/prune.h"
#include "format/model_file.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "zoo/architecture.h"

static const option list_options[] = {
    {"kind", OPTION_WORD,
     "all|models|datasets|tables|architectures|criteria|observers|corrections", "all",
     NULL,
     "what to list: of the session, what 'model' can build, by what 'prune' chooses, or "
     "how 'quantize' finds ranges and corrects errors"},
    {"variants", OPTION_FLAG, NULL, "no", NULL,
     "of architectures: also with the options of published variants"},
    {0},
};

/* ---- list architectures ---- */

/* Built to be counted, and let go again. */
static status put_architecture(table *t, const architecture *a, const char *options,
                               bool variants, error *e)
{
    char words[128];
    model *m = architecture_outline(a, options, e);
    if (!m)
        return e->code;
    const graph *g = m->graph;
    int64_t multiply_adds = graph_multiply_adds(g, g->input_shape, e);
    table_row(t);
    table_text(t, "architecture", a->name);
    if (variants)
        table_text(t, "options", *options ? options : NULL);
    table_integer(t, "parameters", graph_parameter_count(g));
    table_integer(t, "multiply_adds", multiply_adds);
    table_text(t, "input", rows_shape(words, g->input_shape));
    table_text(t, "summary", a->summary);
    model_free(m);
    return multiply_adds < 0 ? e->code : E_OK;
}

static status list_architectures(const call *c, error *e)
{
    const bool all = option_flag(&c->options, "variants");
    for (int i = 0; architecture_at(i); i++) {
        const architecture *a = architecture_at(i);
        TRY(put_architecture(c->rows, a, "", all, e));
        for (int k = 0; all && a->variants && a->variants[k]; k++)
            TRY(put_architecture(c->rows, a, a->variants[k], all, e));
    }
    return E_OK;
}

/* ---- list criteria ---- */

static void put_criterion(table *t, const char *kind, const char *name, const char *data,
                          const char *summary, const char *source)
{
    table_row(t);
    table_text(t, "kind", kind);
    table_text(t, "criterion", name);
    table_text(t, "data", data);
    table_text(t, "summary", summary);
    table_text(t, "source", source);
}

/* Kinds as the option kind= of `prune` has them. */
static void list_criteria(const call *c)
{
    static const char *const seen[] = {
        [EVIDENCE_NONE] = NULL,
        [EVIDENCE_ACTIVATIONS] = "activations",
        [EVIDENCE_GRADIENTS] = "gradients",
    };
    for (int i = 0; criterion_at(i); i++) {
        const criterion_row *r = criterion_at(i);
        put_criterion(c->rows, "weight", r->name, NULL, r->summary, r->source);
    }
    for (int i = 0; channel_criterion_at(i); i++) {
        const channel_criterion *r = channel_criterion_at(i);
        put_criterion(c->rows, "channel", r->name, seen[r->evidence], r->summary,
                      r->source);
    }
}

/* ---- list observers, list corrections ---- */

static void put_way(table *t, const char *column, const char *name, const char *summary,
                    const char *source)
{
    table_row(t);
    table_text(t, column, name);
    table_text(t, "summary", summary);
    table_text(t, "source", source);
}

static void list_observers(const call *c)
{
    for (int i = 0; observer_at(i); i++)
        put_way(c->rows, "observer", observer_at(i)->name, observer_at(i)->summary,
                observer_at(i)->source);
}

static void list_corrections(const call *c)
{
    for (int i = 0; correction_at(i); i++)
        put_way(c->rows, "correction", correction_at(i)->name, correction_at(i)->summary,
                correction_at(i)->source);
}

/* ---- list ---- */

/* "unet-phase levels=3" */
static void put_origin(table *t, const char *what, const char *options)
{
    text words = {0};
    text_add(&words, what ? what : "");
    if (options && *options)
        text_addf(&words, "%s%s", words.length ? " " : "", options);
    if (words.failed)
        t->failed = true;
    table_text(t, "origin", text_get(&words));
    text_clear(&words);
}

static status list_model(table *t, const model *m, error *e)
{
    int64_t bytes = model_file_bytes(m, e);
    if (bytes < 0)
        return e->code;
    table_integer(t, "parameters", graph_parameter_count(m->graph));
    table_integer(t, "bytes", bytes);
    table_integer(t, "steps", m->step_count);
    put_origin(t, m->architecture, m->options);
    return E_OK;
}

static void list_dataset(table *t, const dataset *d)
{
    bool repeated = d->origin && d->source && text_starts(d->origin, d->source);
    table_integer(t, "samples", d->count);
    table_integer(t, "bytes", (int64_t)dataset_bytes(d));
    put_origin(t, repeated ? "" : d->source, d->origin);
}

static const struct {
    const char *plural, *name;
    object_kind kind;
} kinds[] = {{"models", "model", OBJECT_MODEL},
             {"datasets", "dataset", OBJECT_DATASET},
             {"tables", "table", OBJECT_TABLE}};

static status list_one(call *c, const char *name, object_kind kind, error *e)
{
    table_row(c->rows);
    table_text(c->rows, "name", name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].kind == kind)
            table_text(c->rows, "kind", kinds[i].name);
    if (kind == OBJECT_MODEL)
        return list_model(c->rows, session_get_model(c->session, name, e), e);
    if (kind == OBJECT_DATASET)
        list_dataset(c->rows, session_get_dataset(c->session, name, e));
    else
        table_integer(c->rows, "rows", session_get_table(c->session, name, e)->row_count);
    return E_OK;
}

static bool is_wanted(const call *c, object_kind kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (option_is(&c->options, "kind", kinds[i].plural))
            return kinds[i].kind == kind;
    return true; /* all */
}

/* The columns that there will be, in their order: a table adds them as they come. */
static void begin_columns(call *c)
{
    bool there[OBJECT_TABLE + 1] = {false};
    for (int64_t i = 0; i < session_count(c->session); i++) {
        object_kind kind;
        session_name(c->session, i, &kind);
        there[kind] = is_wanted(c, kind);
    }
    const struct {
        const char *column;
        bool there;
    } columns[] = {{"name", true},
                   {"kind", true},
                   {"parameters", there[OBJECT_MODEL]},
                   {"samples", there[OBJECT_DATASET]},
                   {"rows", there[OBJECT_TABLE]},
                   {"bytes", there[OBJECT_MODEL] || there[OBJECT_DATASET]},
                   {"steps", there[OBJECT_MODEL]},
                   {"origin", there[OBJECT_MODEL] || there[OBJECT_DATASET]}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (columns[i].there)
            table_none(c->rows, columns[i].column);
}

static status list_command(call *c, error *e)
{
    if (option_is(&c->options, "kind", "architectures"))
        return list_architectures(c, e);
    static const struct {
        const char *kind;
        void (*list)(const call *c);
    } ways[] = {{"criteria", list_criteria},
                {"observers", list_observers},
                {"corrections", list_corrections}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (option_is(&c->options, "kind", ways[i].kind)) {
            ways[i].list(c);
            return E_OK;
        }
    begin_columns(c);
    for (int64_t i = 0; i < session_count(c->session); i++) {
        object_kind kind;
        const char *name = session_name(c->session, i, &kind);
        if (is_wanted(c, kind))
            TRY(list_one(c, name, kind, e));
    }
    if (session_count(c->session) == 0)
        rows_note(c, "nothing has a name yet: 'model m unet-phase' makes a model, "
                     "'data d gpe n=8 grid=64' a dataset; 'list architectures' tells "
                     "what models there can be");
    return E_OK;
}

const command command_list = {
    .name = "list",
    .group = "session",
    .summary = "list what the session has, or the architectures there are",
    .options = list_options,
    .arguments = 1,
    .example = "list models",
    .details =
        "The bytes of a model are those of the file that 'save' writes, those of a "
        "dataset what it takes in memory; steps counts what was done to a model.  "
        "Architectures are counted with their default options; multiply_adds are "
        "products of weights and activations in layers, for one sample of the input.",
    .see = "show, history, model",
    .run = list_command,
};

static const option pair_options[] = {
    {"from", OPTION_WORD, NULL, NULL, NULL, "a name of the session"},
    {"to", OPTION_NAME, NULL, NULL, NULL, "the new name"},
    {0},
};

/* Both commands: what is under the second name already is replaced, and said so. */
static status pair_command(call *c,
                           status (*act)(session *, const char *, const char *, error *),
                           error *e)
{
    const char *from = option_words(&c->options, "from");
    const char *to = option_words(&c->options, "to");
    bool replaces = session_kind(c->session, to) != OBJECT_NONE && !text_equal(from, to);
    TRY(act(c->session, from, to, e));
    if (replaces)
        rows_note(c, "%s is another one now; 'undo' brings the former back", to);
    return E_OK;
}

static status copy_command(call *c, error *e)
{
    return pair_command(c, session_copy, e);
}

const command command_copy = {
    .name = "copy",
    .group = "session",
    .summary = "give a model, dataset or table a second name, to change it freely",
    .options = pair_options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_CHANGES | COMMAND_RECORDED,
    .example = "copy m dense",
    .details = "A copy takes no memory until one of the two is changed.  What has "
               "the second name already is replaced where it is of the same kind.",
    .see = "rename, drop, undo",
    .run = copy_command,
};

static status rename_command(call *c, error *e)
{
    return pair_command(c, session_rename, e);
}

const command command_rename = {
    .name = "rename",
    .group = "session",
    .summary = "change the name of a model, dataset or table",
    .options = pair_options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_CHANGES,
    .example = "rename m base",
    .see = "copy, drop",
    .run = rename_command,
};

static const option drop_options[] = {
    {"names", OPTION_WORDS, NULL, NULL, NULL, "names of the session"},
    {0},
};

static status drop_command(call *c, error *e)
{
    const option_value *names = option_get(&c->options, "names");
    for (int64_t i = 0; i < names->count; i++)
        TRY(session_drop(c->session, names->items[i], e));
    return E_OK;
}

const command command_drop = {
    .name = "drop",
    .group = "session",
    .summary = "take names out of the session",
    .options = drop_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES,
    .example = "drop d",
    .details = "Files stay where they are.  Memory is given back when undo no longer "
               "reaches what was dropped.",
    .see = "undo, list",
    .run = drop_command,
};
