/* SPDX-License-Identifier: GPL-3.0-or-later
   report.c -- the command `report`: writes a report from the database of runs, or checks
   one against it.  It looks up no number itself. */
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "report/check.h"
#include "report/latex.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"
#include "ui/lexer.h"

#define TEMPLATE_BYTES_MAX ((size_t)4 << 20)
#define REPORT_BYTES_MAX   ((size_t)512 << 20)

static const option report_options[] = {
    {"what", OPTION_TEXT, "check", NULL, NULL,
     "FILE.html, .md, .tex or .pdf to be written; check: look one over"},
    {"file", OPTION_FILE, NULL, NULL, NULL, "check: the report, not a pdf"},
    {"template", OPTION_FILE, NULL, NULL, NULL,
     "what stands in it (default: all sections that the runs have something for)"},
    {"session", OPTION_TEXT, NULL, NULL, NULL,
     "take runs of these sessions, as in 'runs columns=session' (default: this one)"},
    {"where", OPTION_TEXT, NULL, NULL, NULL,
     "take only runs for which this holds, of all sessions where session= is not given"},
    {"baseline", OPTION_TEXT, NULL, NULL, NULL,
     "the model that others are compared with (default: the first that was measured)"},
    {0},
};

/* ---- what the report asks of the program ---- */

static const char *variable_of(void *context, const char *name)
{
    const call *c = context;
    return session_variable(c->session, name);
}

static status draw(void *context, const char *words, const char *path, error *e)
{
    const call *c = context;
    text line = {0}, notes = {0};
    table *rows = table_new(e);
    text_addf(&line, "plot %s > ", words);
    lexer_quote(path, &line);
    status s = rows ? text_ok(&line, e) : E_MEMORY;
    if (s == E_OK)
        s = interpreter_capture(c->interpreter, text_get(&line), c->task, rows, &notes,
                                e);
    table_free(rows);
    text_clear(&line);
    text_clear(&notes);
    return s;
}

/* ---- report FILE ---- */

/* $SOURCE_DATE_EPOCH, or -1: then the ledger has the date. */
static int64_t date_of_reports(void)
{
    const char *words = getenv("SOURCE_DATE_EPOCH");
    int64_t seconds;
    const int64_t latest = INT64_C(253402300799); /* of the year 9999 */
    return words && text_to_integer(words, &seconds) && seconds >= 0 && seconds <= latest
               ? seconds
               : -1;
}

static status write_file(const char *path, const text *words, error *e)
{
    atomic_file file;
    TRY(atomic_open(&file, path, e));
    fwrite(text_get(words), 1, words->length, file.stream); /* commit asks ferror */
    return atomic_commit(&file, e);
}

static void put_answer(call *c, const char *path, const text *words,
                       const report_counts *counts)
{
    char digest[17];
    table_row(c->rows);
    table_text(c->rows, "file", path);
    table_integer(c->rows, "bytes", (int64_t)words->length);
    table_integer(c->rows, "numbers", counts->numbers);
    table_integer(c->rows, "figures", counts->figures);
    table_integer(c->rows, "runs", counts->runs);
    table_text(c->rows, "digest",
               ledger_hash(digest, random_hash(text_get(words), (int64_t)words->length,
                                               HASH_START)));
    if (counts->unmeasured > 0)
        rows_note(c, "report: %lld published number%s not measured",
                  (long long)counts->unmeasured,
                  counts->unmeasured == 1 ? " was" : "s were");
}

/* The document of R into PATH; a pdf by way of LaTeX. */
static status write_report(call *c, const report_request *r, const char *path, error *e)
{
    document d = {0};
    report_counts counts;
    text out = {0};
    status s = report_build(r, &d, &counts, e);
    if (s == E_OK) {
        r->format->write(&d, &out);
        s = text_ok(&out, e);
    }
    bool pdf = text_ends(path, ".pdf");
    if (s == E_OK && pdf) {
        text source = out;
        out = (text){0};
        s = latex_run(text_get(&source), source.length, path, c->task, &out, e);
        text_clear(&source);
    }
    if (s == E_OK)
        s = write_file(path, &out, e);
    if (s == E_OK)
        put_answer(c, path, &out, &counts);
    document_clear(&d);
    text_clear(&out);
    return s;
}

static status read_template(const char *path, char **words, error *e)
{
    void *bytes = NULL;
    size_t length = 0;
    TRY(file_read_regular(path, TEMPLATE_BYTES_MAX, &bytes, &length, e));
    *words = bytes;
    if (strlen(*words) == length)
        return E_OK;
    memory_free(bytes);
    *words = NULL;
    return fail(e, E_FORMAT, "%s: a template is text, there is a zero byte", path);
}

/* The usual template, for the user to change: never over one that is there. */
static status write_usual(call *c, const char *path, error *e)
{
    text words = {0};
    if (file_exists(path))
        return fail(e, E_FILE, "%s exists already", path);
    text_add(&words, report_usual_template);
    status s = text_ok(&words, e);
    if (s == E_OK)
        s = write_file(path, &words, e);
    text_clear(&words);
    table_row(c->rows);
    table_text(c->rows, "file", path);
    return s;
}

static status make_report(call *c, ledger *l, const char *path, error *e)
{
    const option_set *o = &c->options;
    const char *name = option_words(o, "template");
    const bool pdf = text_ends(path, ".pdf");
    report_request r = {.ledger = l,
                        .scope = {.sessions = option_words(o, "session"),
                                  .where = option_words(o, "where"),
                                  .before = interpreter_run_number(c->interpreter)},
                        .path = path,
                        .words = report_usual_template,
                        .baseline = option_words(o, "baseline"),
                        .date = date_of_reports(),
                        .hooks = {c, variable_of, draw}};
    text found = {0};
    char *words = NULL;
    if (!r.scope.sessions && !r.scope.where)
        r.scope.sessions = interpreter_session_word(c->interpreter);
    r.format =
        pdf ? report_format_of_file("report.tex", e) : report_format_of_file(path, e);
    if (!r.format)
        return E_USAGE;
    if (pdf)
        TRY(latex_check(e));
    status s = name ? interpreter_find(c->interpreter, name, &found, e) : E_OK;
    if (s == E_OK && name)
        s = read_template(text_get(&found), &words, e);
    if (s == E_OK && name) {
        r.words = words;
        r.name = text_get(&found);
    }
    if (s == E_OK)
        s = write_report(c, &r, path, e);
    memory_free(words);
    text_clear(&found);
    return s;
}

/* ---- report check FILE ---- */

static status look_over(call *c, ledger *l, const char *path, error *e)
{
    void *bytes = NULL;
    size_t length = 0;
    check_counts counts = {0};
    const report_format *format = report_format_of_file(path, e);
    if (!format)
        return E_USAGE;
    TRY(file_read_regular(path, REPORT_BYTES_MAX, &bytes, &length, e));
    status s = report_check(l, format, path, bytes, length, c->rows, &counts, e);
    char digest[17];
    int64_t run = 0;
    ledger_hash(digest, random_hash(bytes, (int64_t)length, HASH_START));
    memory_free(bytes);
    if (s == E_OK)
        s = ledger_find_digest(l, digest, &run, e);
    if (s != E_OK)
        return s;
    if (counts.wrong > 0)
        return fail(e, E_FORMAT,
                    "check: %s: %lld of its %lld numbers, figures and lines "
                    "are not those of %s",
                    path, (long long)counts.wrong,
                    (long long)(counts.numbers + counts.figures + counts.lines),
                    ledger_path(l));
    if (counts.numbers + counts.figures == 0)
        return fail(e, E_FORMAT, "check: %s: no number in it tells its source", path);
    table_row(c->rows);
    table_text(c->rows, "file", path);
    table_integer(c->rows, "numbers", counts.numbers);
    table_integer(c->rows, "figures", counts.figures);
    table_integer(c->rows, "lines", counts.lines);
    table_integer(c->rows, "wrong", 0);
    table_flag(c->rows, "untouched", run > 0);
    if (run == 0)
        rows_note(c, "report: all numbers hold; the words are not byte for byte what a "
                     "run wrote");
    return E_OK;
}

static status report_command(call *c, error *e)
{
    const char *what = option_words(&c->options, "what");
    const char *file = option_words(&c->options, "file");
    ledger *l = interpreter_ledger(c->interpreter, e);
    if (!l)
        return e->code;
    if (strcmp(what, "check") == 0) {
        if (!file)
            return fail(e, E_USAGE, "report check: the file is missing");
        return look_over(c, l, file, e);
    }
    if (file)
        return fail(e, E_USAGE, "report: '%.80s' follows '%.80s', want nothing there",
                    file, what);
    if (text_ends(what, ".report"))
        return write_usual(c, what, e);
    return make_report(c, l, what, e);
}

const command command_report = {
    .name = "report",
    .group = "session",
    .summary = "write a report from the runs, or check one",
    .options = report_options,
    .arguments = 2,
    .required = 1,
    .flags = COMMAND_LONG | COMMAND_RECORDED | COMMAND_JUDGES,
    .example = "report report.html",
    .details =
        "No number is typed: each is looked up in the database of runs, carries its run "
        "and key, and leads to its receipt.  The .html is one file with its figures in "
        "it; .md and .tex name those that 'plot ... > FILE' drew; .pdf wants a LaTeX.  "
        "'report check FILE' looks every number up again, hashes the figures, and fails "
        "where one differs or has no source.  A template is prose with numbers as "
        "{{accuracy | command = eval and model = m}} and lines as @table where=\"...\" "
        "columns=model,accuracy,bytes, @figure FILE, @plot KIND ... or @published "
        "FILE.csv (published beside measured); man lathe-reports tells all of them.  "
        "'report NAME.report' writes the template that is taken where none is named.",
    .see = "runs, plot, compare, show",
    .run = report_command,
};
