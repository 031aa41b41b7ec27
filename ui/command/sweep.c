/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep.c -- the command `sweep`: another command over a grid of values, each point on
   the session as it is, the answers gathered in a table; in other processes where several
   are asked for (sweep_jobs.c).  It knows nothing of what the other command does and prints
   nothing. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/command/command.h"
#include "ui/command/parse.h"
#include "ui/command/rows.h"
#include "ui/command/sweep_parts.h"
#include "ui/interpreter.h"
#include "ui/lexer.h"

#define AXES_MAX   8
#define POINTS_MAX 10000
#define JOBS_MAX   64

static const option options[] = {
    {"name", OPTION_NAME, NULL, NULL, NULL, "name for the table of results"},
    {"command", OPTION_TEXT, NULL, NULL, NULL,
     "a command; options with several values are swept: key=a,b,c; behind them jobs=N: "
     "so "
     "many points at once, each in a process of its own; plot=FILE: plot curve NAME, "
     "drawn "
     "again as points are done; without a command: what the sweep NAME has so far, also "
     "in "
     "another lathe"},
    {0},
};

typedef struct job {
    call *call;
    const char *name;
    sweep_figure figure;
    sentence words;
    axis axes[AXES_MAX];
    int64_t axis_count, points, jobs;
    sweep_points outcomes;
    int64_t point; /* at work, from 0 */
    char stage[64];
} job;

/* Makes word I an axis where it gives several values to an option that takes one. */
static status look_for_axis(job *j, const command *inner, const extra *more, int64_t i,
                            error *e)
{
    const word *w = &j->words.items[i];
    size_t length = parse_key_length(w);
    if (length == 0 || !strchr(w->words + w->equals, ','))
        return E_OK;
    char *key = memory_format(e, "%.*s", (int)length, w->words);
    if (!key)
        return E_MEMORY;
    const option *row = option_find(inner->options, key);
    if (!row && more->options)
        row = option_find(more->options, key);
    if (!row || !sweep_is_scalar(row->kind)) {
        memory_free(key);
        return E_OK;
    }
    if (j->axis_count == AXES_MAX) {
        memory_free(key);
        return fail(e, E_RANGE, "sweep: more than %d options to sweep", AXES_MAX);
    }
    axis *a = &j->axes[j->axis_count++];
    *a = (axis){.word = i, .key = key};
    TRY(sweep_axis_fill(a, w->words + w->equals + 1, e));
    j->points *= a->count;
    if (j->points > POINTS_MAX)
        return fail(e, E_RANGE, "sweep: more than %d points", POINTS_MAX);
    return E_OK;
}

/* Takes "KEY=VALUE" out of the words, unless it is the other command's own: VALUE, the
   caller's; NULL where there is none. */
static char *take_word(job *j, const command *inner, const char *key, error *e)
{
    const size_t length = strlen(key);
    for (int64_t i = 1; !option_find(inner->options, key) && i < j->words.count; i++) {
        const word *w = &j->words.items[i];
        if (parse_key_length(w) != length || strncmp(w->words, key, length) != 0)
            continue;
        char *value = memory_text(w->words + w->equals + 1, e);
        sentence_drop(&j->words, i);
        return value;
    }
    return NULL;
}

static status take_jobs(job *j, const command *inner, error *e)
{
    char *number = take_word(j, inner, "jobs", e);
    status s = E_OK;
    j->jobs = 1;
    if (number &&
        (!text_to_integer(number, &j->jobs) || j->jobs < 1 || j->jobs > JOBS_MAX))
        s = fail(e, E_RANGE, "sweep: jobs=%.80s, wanted 1 to %d", number, JOBS_MAX);
    memory_free(number);
    j->figure.file = take_word(j, inner, "plot", e);
    return s;
}

static status find_axes(job *j, const char *line, error *e)
{
    size_t at = 0;
    int64_t blame;
    extra more;
    TRY(lexer_next(line, &at, NULL, &j->words, e));
    if (j->words.count == 0)
        return fail(e, E_USAGE, "sweep: the command is missing");
    const command *inner = parse_command(j->words.items[0].words, false, e);
    if (!inner)
        return fail_prefix(e, "sweep");
    if (inner->flags & (COMMAND_REST | COMMAND_TEXT))
        return fail(e, E_USAGE, "sweep: '%s' has no rows to gather", inner->name);
    TRY(take_jobs(j, inner, e));
    if (parse_extra(inner, &j->words, &more, &blame, e) != E_OK)
        return fail_prefix(e, "sweep");
    j->points = 1;
    for (int64_t i = 1; i < j->words.count; i++)
        TRY(look_for_axis(j, inner, &more, i, e));
    return E_OK;
}

/* Which value of axis A point POINT has: the last axis runs fastest. */
static const char *value_at(const job *j, int64_t a, int64_t point)
{
    for (int64_t k = j->axis_count - 1; k > a; k--)
        point /= j->axes[k].count;
    return j->axes[a].values[point % j->axes[a].count];
}

/* "amount=0.9 scope=layer" */
static void point_words(const job *j, int64_t point, text *out)
{
    for (int64_t a = 0; a < j->axis_count; a++) {
        text_addf(out, "%s%s=", a > 0 ? " " : "", j->axes[a].key);
        lexer_quote(value_at(j, a, point), out);
    }
}

static void point_line(const job *j, int64_t point, text *out)
{
    for (int64_t i = 0; i < j->words.count; i++) {
        int64_t a = 0;
        while (a < j->axis_count && j->axes[a].word != i)
            a++;
        if (i > 0)
            text_add(out, " ");
        if (a < j->axis_count) {
            text_addf(out, "%s=", j->axes[a].key);
            lexer_quote(value_at(j, a, point), out);
        } else {
            sentence one = {.items = &j->words.items[i], .count = 1};
            sentence_write(&one, 0, out);
        }
    }
}

/* Does column K of the answer say in row I what the row at the end of ALL has there? */
static bool says_same(const table *all, const table *rows, int64_t i, int64_t k)
{
    const char *column = rows->columns[k];
    const cell *own = table_get(rows, i, k),
               *swept = table_get(all, all->row_count - 1, table_column(all, column));
    double is, was;
    if (own->kind == CELL_FLAG)
        return text_equal(swept->words, own->flag ? "yes" : "no");
    if (own->kind == CELL_TEXT)
        return text_equal(swept->words, own->words);
    return table_number(rows, i, column, &is) &&
           table_number(all, all->row_count - 1, column, &was) && is == was;
}

/* A column of the answer.  Where a swept option has its name and another value, as the
   epochs that were asked for and those that it took, it is answer_NAME. */
static void add_cell(const job *j, table *all, const table *rows, int64_t i, int64_t k)
{
    const char *column = rows->columns[k];
    char other[128];
    int64_t a = 0;
    while (a < j->axis_count && strcmp(j->axes[a].key, column) != 0)
        a++;
    if (a < j->axis_count && says_same(all, rows, i, k))
        return;
    snprintf(other, sizeof other, "answer_%s", column);
    table_cell(all, a < j->axis_count ? other : column, table_get(rows, i, k));
}

/* Adds the rows of point POINT to ALL, its values before them. */
static void add_rows(const job *j, int64_t point, const table *rows, table *all)
{
    for (int64_t i = 0; i < rows->row_count; i++) {
        table_row(all);
        for (int64_t a = 0; a < j->axis_count; a++)
            sweep_put_value(all, j->axes[a].key, value_at(j, a, point));
        for (int64_t k = 0; k < rows->column_count; k++)
            if (table_get(rows, i, k)->kind != CELL_NONE)
                add_cell(j, all, rows, i, k);
    }
}

static void add_notes(job *j, const char *where, const char *notes)
{
    for (const char *line = notes; *line;) {
        size_t length = strcspn(line, "\n");
        rows_note(j->call, "%s%s%.*s", where, *where ? ": " : "", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

/* Progress of a point, told as progress of the sweep. */
static void report(void *context, const progress *p)
{
    job *j = context;
    progress mine = *p;
    snprintf(j->stage, sizeof j->stage, "%lld/%lld %s", (long long)j->point + 1,
             (long long)j->points, p->stage ? p->stage : "");
    if (j->points > 1)
        mine.stage = j->stage;
    task_report(j->call->task, &mine);
}

static status fail_at(void *context, int64_t point, error *e)
{
    const job *j = context;
    text where = {0};
    point_words(j, point, &where);
    fail_prefix(e, j->axis_count > 0 ? "sweep: at %s" : "sweep%s", text_get(&where));
    text_clear(&where);
    return e->code;
}

/* The answers of all points that are done, in the order of the points. */
static void gather_rows(void *context, table *rows)
{
    const job *j = context;
    for (int64_t i = 0; i < j->points; i++)
        if (j->outcomes.items[i].rows)
            add_rows(j, i, j->outcomes.items[i].rows, rows);
}

static void draw(void *context)
{
    job *j = context;
    sweep_draw(&j->figure, j->call, j->name, gather_rows, j, false);
}

/* Keeps what point I answered; ROWS is taken.  Where no file can be written, the sweep goes
   on without. */
static status keep_point(job *j, int64_t i, table *rows, const char *notes, error *e)
{
    status s = sweep_points_put(&j->outcomes, i, rows, notes, e);
    if (s != E_FILE)
        return s;
    rows_note(j->call, "sweep: it could not go on after a crash: %s", e->text);
    memory_free(j->outcomes.path);
    j->outcomes.path = NULL;
    error_clear(e);
    return E_OK;
}

/* Runs one point and takes back what it did to the session. */
static status run_point(job *j, error *e)
{
    text line = {0}, notes = {0};
    task watch = {.report = report, .context = j};
    if (j->call->task)
        watch.cancel = j->call->task->cancel;
    point_line(j, j->point, &line);
    table *rows = table_new(e);
    status s = rows ? text_ok(&line, e) : e->code;
    if (s == E_OK)
        s = session_begin(j->call->session, "sweep", e);
    if (s == E_OK) {
        s = interpreter_capture(j->call->interpreter, text_get(&line), &watch, rows,
                                &notes, e);
        session_rollback(j->call->session);
    }
    if (s == E_OK) {
        s = keep_point(j, j->point, rows, text_get(&notes), e);
        rows = NULL;
        draw(j);
    } else if (s != E_STOPPED) {
        fail_at(j, j->point, e);
    }
    table_free(rows);
    text_clear(&line);
    text_clear(&notes);
    return s;
}

static status line_of(void *context, int64_t point, text *line)
{
    point_line(context, point, line);
    return E_OK;
}

static status run_points(job *j, error *e)
{
    if (j->jobs > 1 && j->points > 1) {
        const sweep_jobs jobs = {.call = j->call,
                                 .points = &j->outcomes,
                                 .jobs = j->jobs < j->points ? j->jobs : j->points,
                                 .line_of = line_of,
                                 .fail_at = fail_at,
                                 .done = draw,
                                 .context = j};
        return sweep_jobs_run(&jobs, e);
    }
    for (j->point = 0; j->point < j->points; j->point++)
        if (!j->outcomes.items[j->point].rows)
            TRY(run_point(j, e));
    return E_OK;
}

/* The same for the answer, with notes and the figure. */
static void gather(job *j)
{
    gather_rows(j, j->call->rows);
    for (int64_t i = 0; i < j->points; i++) {
        text where = {0};
        if (!j->outcomes.items[i].rows)
            continue;
        point_words(j, i, &where);
        add_notes(j, text_get(&where), j->outcomes.items[i].notes);
        text_clear(&where);
    }
    sweep_draw(&j->figure, j->call, j->name, gather_rows, j, true);
}

/* Keeps the rows gathered so far as the table NAME. */
static status keep(const call *c, const char *name, error *e)
{
    TRY(table_ok(c->rows, e));
    table *copy = table_copy(c->rows, e);
    return copy ? session_put_table(c->session, name, copy, e) : e->code;
}

static status stopped(job *j, const char *name, error *e)
{
    const sweep_points *p = &j->outcomes;
    if (p->done == 0)
        return fail(
            e, E_STOPPED,
            "sweep: stopped before the first of %lld points was done; nothing was "
            "changed",
            (long long)j->points);
    TRY(keep(j->call, name, e));
    fail(e, E_STOPPED, "sweep: stopped after %lld of %lld points; %s keeps them",
         (long long)p->done, (long long)j->points, name);
    return p->path ? fail_hint(e, "the same command goes on with the others") : E_STOPPED;
}

/* What an earlier sweep left is told before the work, which may be long. */
static status begin(job *j, error *e)
{
    text line = {0};
    sweep_jobs_clean();
    sentence_write(&j->words, 0, &line);
    status s = text_ok(&line, e);
    if (s == E_OK)
        s = sweep_points_open(&j->outcomes, j->points, j->name, text_get(&line),
                              j->call->session, e);
    text_clear(&line);
    if (s == E_FILE) {
        rows_note(j->call, "sweep: what an earlier one left cannot be read: %s", e->text);
        error_clear(e);
        s = E_OK;
    }
    if (s == E_OK && j->outcomes.done > 0)
        rows_note(j->call, "sweep: %lld of %lld points were done before it was stopped",
                  (long long)j->outcomes.done, (long long)j->points);
    return s;
}

/* What the sweep that is called so has done so far, wherever it is at work. */
static status look(job *j, const char *name, error *e)
{
    char *path, *line;
    TRY(sweep_find(name, &path, &line, e));
    status s = find_axes(j, line, e);
    if (s == E_OK)
        s = sweep_points_look(&j->outcomes, j->points, path, line, e);
    memory_free(path);
    memory_free(line);
    TRY(s);
    gather(j);
    rows_note(j->call, "sweep: %lld of %lld points are done so far",
              (long long)j->outcomes.done, (long long)j->points);
    return keep(j->call, name, e);
}

static status sweep(job *j, const char *name, error *e)
{
    error later = {0};
    const char *line = option_words(&j->call->options, "command");
    if (!line)
        return look(j, name, e);
    TRY(find_axes(j, line, e));
    TRY(begin(j, e));
    status s = run_points(j, e);
    if (s != E_OK)
        (void)sweep_points_write(&j->outcomes, &later); /* what is lost is run again */
    else
        sweep_points_finish(&j->outcomes);
    if (s != E_OK && s != E_STOPPED)
        return s;
    gather(j);
    return s == E_STOPPED ? stopped(j, name, e) : keep(j->call, name, e);
}

static status run(call *c, error *e)
{
    const char *name = option_words(&c->options, "name");
    job j = {.call = c, .name = name};
    TRY(session_check_name(name, e));
    status s = sweep(&j, name, e);
    for (int64_t a = 0; a < j.axis_count; a++)
        sweep_axis_clear(&j.axes[a]);
    memory_free(j.figure.file);
    sweep_points_clear(&j.outcomes);
    sentence_clear(&j.words);
    return s;
}

const command command_sweep = {
    .name = "sweep",
    .group = "compress",
    .summary = "run a command over a grid of values and keep the results",
    .options = options,
    .arguments = 2,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_REST | COMMAND_RECORDED,
    .makes = OBJECT_TABLE,
    .example = "sweep s prune m amount=0.5,0.7,0.9",
    .details =
        "Every point begins with the session as it is and leaves it as it was.  The "
        "rows of all points, with the swept values before them, become a table that "
        "'show' prints and 'plot curve' draws; what a point answers under the name of a "
        "swept option with another value is answer_NAME.  A command without several "
        "values is run "
        "once.  Ctrl-C keeps the points done; the same command on the same session then "
        "goes "
        "on with the others, also after a crash.  With jobs=2 two points run at once, "
        "each "
        "in a process with its share of the threads: for times, leave it at 1.  With "
        "plot=FILE the figure of 'plot curve' grows as points are done; 'sweep s' "
        "without "
        "a command makes a table of what the sweep s has so far, while it is at work in "
        "another lathe or after it was killed.",
    .see = "plot curve, show, prune, quantize",
    .run = run,
};
