/* SPDX-License-Identifier: GPL-3.0-or-later
   runs.c -- the command `runs`: what was done before, here and in other sessions, found
   again by its numbers.  It changes nothing in the database. */
#include "ledger/runs.h"

#include <stdio.h>

#include "base/file.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

enum { USUAL_LAST = 20 };

static const option runs_options[] = {
    {"what", OPTION_WORD, "list|where|export", "list", NULL,
     "list runs, those for which an expression holds, or write them to a file"},
    {"words", OPTION_TEXT, NULL, NULL, NULL, "where: the expression; export: the file"},
    {"where", OPTION_TEXT, NULL, NULL, NULL,
     "only runs for which this holds, as \"accuracy > 0.9 and not bits = 8\""},
    {"sort", OPTION_TEXT, "run|started|seconds", NULL, NULL,
     "by this key, the least first"},
    {"descending", OPTION_FLAG, NULL, "no", NULL, "the largest, or the latest, first"},
    {"last", OPTION_INTEGER, "0..", NULL, NULL,
     "so many of the latest that were found, 0 for all (default: 20, or all with where "
     "or sort)"},
    {"most", OPTION_INTEGER, "0..", "0", NULL, "rows of the answer, 0 for all"},
    {"columns", OPTION_WORDS, NULL, NULL, NULL,
     "more keys to show: of answers, of arguments, or machine, cpu, threads, seed, "
     "session, parent, lathe, error"},
    {"as", OPTION_NAME, NULL, NULL, NULL,
     "keep what was found as a table of this name, for pareto and plot"},
    {0},
};

static status read_query(const call *c, runs_query *q, error *e)
{
    const option_set *o = &c->options;
    const option_value *columns = option_get(o, "columns");
    const char *words = option_words(o, "words");
    bool where = option_is(o, "what", "where");
    *q = (runs_query){
        .where = where ? words : option_words(o, "where"),
        .sort = option_words(o, "sort"),
        .descending = option_flag(o, "descending"),
        .most = option_integer(o, "most"),
        .columns = (const char *const *)columns->items,
        .column_count = columns->count,
    };
    if (where && (!words || option_given(o, "where")))
        return fail(e, E_USAGE, "runs where: one expression was wanted");
    if (option_is(o, "what", "list") && words)
        return fail(e, E_USAGE, "runs: '%.80s' follows 'list', want nothing there",
                    words);
    q->last = option_given(o, "last") ? option_integer(o, "last")
              : q->where || q->sort || option_is(o, "what", "export") ? 0
                                                                      : USUAL_LAST;
    return E_OK;
}

/* All values as comma-separated text. */
static status write_export(call *c, ledger *l, const runs_query *q, error *e)
{
    const char *path = option_words(&c->options, "words");
    const output_style plain = {0};
    text out = {0};
    atomic_file file;
    if (!path)
        return fail(e, E_USAGE, "runs export: the file is missing");
    table *all = table_new(e);
    status s = all ? ledger_export(l, q, all, e) : E_MEMORY;
    if (s == E_OK)
        s = output_table(all, FORMAT_CSV, &plain, "runs", 0, &out, e);
    if (s == E_OK)
        s = atomic_open(&file, path, e);
    if (s == E_OK) {
        fwrite(text_get(&out), 1, out.length, file.stream); /* commit asks ferror */
        s = atomic_commit(&file, e);
    }
    if (s == E_OK) {
        table_row(c->rows);
        table_text(c->rows, "file", path);
        table_integer(c->rows, "rows", all->row_count);
        table_integer(c->rows, "columns", all->column_count);
    }
    table_free(all);
    text_clear(&out);
    return s;
}

static status keep(call *c, error *e)
{
    const char *name = option_words(&c->options, "as");
    if (!name)
        return E_OK;
    TRY(table_ok(c->rows, e));
    table *copy = table_copy(c->rows, e);
    return copy ? session_put_table(c->session, name, copy, e) : E_MEMORY;
}

static status runs_command(call *c, error *e)
{
    runs_query q;
    TRY(read_query(c, &q, e));
    ledger *l = interpreter_ledger(c->interpreter, e);
    if (!l)
        return e->code;
    if (option_is(&c->options, "what", "export"))
        return write_export(c, l, &q, e);
    status s = ledger_runs(l, &q, c->rows, e);
    if (s == E_USAGE && c->output_file)
        fail_hint(e, "'>' outside quotes names a file: write the expression in quotes");
    if (s == E_OK && c->rows->row_count == 0)
        rows_note(c, "no run was found in %s", ledger_path(l));
    return s == E_OK ? keep(c, e) : s;
}

const command command_runs = {
    .name = "runs",
    .group = "session",
    .summary = "find what was done before, in every session",
    .options = runs_options,
    .arguments = 2,
    .flags = COMMAND_LONG | COMMAND_CHANGES,
    .makes = OBJECT_TABLE,
    .example = "runs where \"command = eval and bytes < 1MiB\" sort=bytes",
    .details =
        "Every command that makes or measures leaves a receipt in the database that "
        "'set db=' tells: arguments, seed, models, machine, time, and all of its answer. "
        " "
        "An expression compares keys with numbers (0.9, 30KiB), words or 'strings' by = "
        "!= < <= > >= and ~ (contains), joined by and, or, not and brackets.  A key is a "
        "column of runs, else of an answer, else an argument; what a run does not have "
        "never holds.  Keys of answers give one row for each row of an answer, and "
        "sweeps are left out for the runs of their points.  'runs export FILE.csv' "
        "writes "
        "every value, with intervals, and arguments as argument.NAME.  A run whose "
        "status "
        "is running is at work; killed ones ended with their process.  'runs where ... "
        "columns=bytes,accuracy as=r' makes a table that 'pareto r' and 'plot pareto r' "
        "take.",
    .see = "show, history, sweep",
    .run = runs_command,
};
