/* SPDX-License-Identifier: GPL-3.0-or-later
   recipe.c -- the command `recipe`: compression in stages, each measured, saved and one
   step of undo, until its requirements are met or cannot be met any more.  It knows nothing
   of what the commands of a stage do, and prints nothing. */
#include "ui/command/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/model_file.h"
#include "ui/command/yardstick.h"
#include "ui/interpreter.h"
#include "ui/lexer.h"

static const option options[] = {
    {"recipe", OPTION_FILE, NULL, NULL, NULL,
     "file of a recipe, or record: to write one from what was done"},
    {"model", OPTION_MODEL, NULL, NULL, NULL,
     "model to compress, which stays as it is; record: whose making it was"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "data of the stages, and to measure on; record: the file to write"},
    {"as", OPTION_NAME, NULL, NULL, NULL, "name of the result (default: MODEL-RECIPE)"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL, "samples to measure on"},
    {"batch", OPTION_INTEGER, "1..", "1", NULL, "samples of one timed run"},
    {"seconds", OPTION_REAL, "0.001..86400", "2", "s",
     "time for the timed runs of each stage and its base"},
    {"folder", OPTION_FILE, NULL, NULL, NULL,
     "where the model of each stage is saved (default: lathe's own, until the recipe "
     "ends)"},
    {"resume", OPTION_FLAG, NULL, "no", NULL,
     "take the stages that were saved from there"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the input of timed runs (default: the session's)"},
    {0},
};

typedef struct job {
    call *call;
    recipe recipe;
    text found; /* the path of the file */
    const char *path, *base_name, *data_name;
    char *name;            /* of the result */
    char *folder;          /* of the stages' files */
    bool automatic;        /* the folder is lathe's own */
    const model *standing; /* the session's base, which no stage may replace */
    model *base;           /* owned: the session may lose its own */
    yardstick measure;
    uint64_t key;   /* of base, data and all stages so far */
    int stage;      /* at work, from 0 */
    char words[96]; /* of the progress */
} job;

/* ---- where stages are saved ---- */

/* "conservative" of "samples/conservative.recipe". */
static char *title_of(const char *path, error *e)
{
    const char *begin = strrchr(path, '/');
    begin = begin ? begin + 1 : path;
    const char *end = strrchr(begin, '.');
    int length = (int)(end && end > begin ? (size_t)(end - begin) : strlen(begin));
    return memory_format(e, "%.*s", length, begin);
}

static status choose_folder(job *j, error *e)
{
    const char *folder = option_words(&j->call->options, "folder");
    j->automatic = !folder;
    char *state = folder ? memory_text(folder, e) : file_state_folder(e);
    if (!state)
        return e->code;
    j->folder = folder ? memory_text(folder, e) : memory_format(e, "%s/recipes", state);
    memory_free(state);
    return j->folder ? file_make_folder(j->folder, e) : E_MEMORY;
}

/* Other base, data or commands give other files: nothing old is taken by mistake. */
static void begin_key(job *j)
{
    const dataset *d = j->measure.on.data;
    uint64_t h = graph_hash(j->base->graph), seed = session_seed(j->call->session);
    h = random_hash(&seed, sizeof seed, h);
    h = random_hash(d->origin, (int64_t)strlen(d->origin), h);
    h = random_hash(&d->count, sizeof d->count, h);
    j->key = d->split ? random_hash(d->split, d->count, h) : h;
}

static void add_key(job *j, const char *words)
{
    j->key = random_hash(words, (int64_t)strlen(words) + 1, j->key);
}

static char *stage_path(const job *j, error *e)
{
    return memory_format(e, "%s/%02d-%s-%016llx.safetensors", j->folder, j->stage + 1,
                         j->recipe.stages[j->stage].name, (unsigned long long)j->key);
}

/* ---- one stage ---- */

/* A command of the stage with everything put in, as the journal keeps it. */
static status expand(const job *j, const char *command, text *out, error *e)
{
    text named = {0};
    sentence w = {0};
    size_t at = 0;
    status s = recipe_command(command, j->name, j->base_name, j->data_name, &named, e);
    if (s == E_OK)
        s = lexer_next(text_get(&named), &at, j->call->session, &w, e);
    if (s == E_OK) {
        sentence_write(&w, 0, out);
        if (w.output) {
            text_add(out, " > ");
            lexer_quote(w.output, out);
        }
        s = text_ok(out, e);
    }
    sentence_clear(&w);
    text_clear(&named);
    return s;
}

/* Progress of a command, told as progress of the recipe. */
static void report(void *context, const progress *p)
{
    job *j = context;
    progress mine = *p;
    snprintf(j->words, sizeof j->words, "%s %d/%d %s", j->recipe.stages[j->stage].name,
             j->stage + 1, j->recipe.count, p->stage ? p->stage : "");
    mine.stage = j->words;
    task_report(j->call->task, &mine);
}

static void pass_notes(job *j, const text *notes)
{
    for (const char *line = text_get(notes); *line;) {
        size_t length = strcspn(line, "\n");
        rows_note(j->call, "%s: %.*s", j->recipe.stages[j->stage].name, (int)length,
                  line);
        line += length + (line[length] == '\n');
    }
}

static status run_command(job *j, const char *line, error *e)
{
    task watch = {.report = report, .context = j};
    text notes = {0};
    table *rows = table_new(e);
    if (j->call->task)
        watch.cancel = j->call->task->cancel;
    status s =
        rows ? interpreter_capture(j->call->interpreter, line, &watch, rows, &notes, e)
             : E_MEMORY;
    pass_notes(j, &notes);
    table_free(rows);
    text_clear(&notes);
    return s;
}

/* Runs the commands; LINES takes them as they ran, one a line. */
static status run_commands(job *j, text *lines, error *e)
{
    const recipe_stage *stage = &j->recipe.stages[j->stage];
    for (int i = 0; i < stage->count; i++) {
        text line = {0};
        status s = expand(j, stage->commands[i], &line, e);
        if (s == E_OK)
            s = run_command(j, text_get(&line), e);
        text_addf(lines, "%s\n", text_get(&line));
        text_clear(&line);
        if (s == E_STOPPED)
            return s;
        if (s != E_OK)
            return fail_prefix(e, "%s:%lld", j->path, (long long)stage->lines[i]);
    }
    return text_ok(lines, e);
}

/* The model of a stage that was saved before, put in its place. */
static status take_saved(job *j, const char *path, text *lines, error *e)
{
    model *m = model_read(path, e);
    if (!m)
        return e->code;
    text_addf(lines, "load %s ", j->name);
    lexer_quote(path, lines);
    return session_put_model(j->call->session, j->name, m, e);
}

/* The base is what all is measured against: no stage may change it. */
static status check_base(const job *j, error *e)
{
    if (session_get_model(j->call->session, j->base_name, NULL) == j->standing)
        return E_OK;
    fail(e, E_USAGE, "it changes %s, the base that all is measured against",
         j->base_name);
    return fail_hint(e, "let its commands change $model, and use $base as a teacher");
}

/* The stage as one step of undo; *SAVED: it came from its file. */
static status do_stage(job *j, const char *path, bool *saved, error *e)
{
    session *s = j->call->session;
    text lines = {0};
    char *label =
        memory_format(e, "recipe %s: stage %s", j->path, j->recipe.stages[j->stage].name);
    *saved = option_flag(&j->call->options, "resume") && file_exists(path);
    status code = label ? session_begin(s, label, e) : E_MEMORY;
    memory_free(label);
    TRY(code);
    code = *saved ? take_saved(j, path, &lines, e) : run_commands(j, &lines, e);
    if (code == E_OK)
        code = check_base(j, e);
    if (code != E_OK)
        session_rollback(s);
    else if (session_end(s))
        code = recipe_journal(s, text_get(&lines), e);
    text_clear(&lines);
    return code;
}

static status put_row(job *j, const char *stage, const quantities *q, double seconds,
                      bool saved, error *e)
{
    table *t = j->call->rows;
    const recipe *r = &j->recipe;
    const recipe_stage *own = j->stage >= 0 ? &r->stages[j->stage] : NULL;
    text missed = {0};
    int count = yardstick_missed(&j->measure, q, r->required, r->required_count, &missed);
    table_row(t);
    table_text(t, "stage", stage);
    yardstick_put(&j->measure, q, r->required, r->required_count, t);
    if (own)
        count +=
            yardstick_missed(&j->measure, q, own->required, own->required_count, &missed);
    table_real(t, "seconds", seconds);
    table_flag(t, "saved", saved);
    table_flag(t, "met", count == 0);
    table_text(t, "missed", count > 0 ? text_get(&missed) : NULL);
    status s = text_ok(&missed, e);
    text_clear(&missed);
    return s;
}

/* Which of recipe_help would bring R nearer. */
static unsigned help_for(const requirement *r)
{
    return r->metric                     ? HELPS_METRIC
           : strcmp(r->key, "time") == 0 ? HELPS_TIME
                                         : HELPS_SIZE;
}

/* The first of COUNT requirements that Q misses and no stage from NEXT on can bring
   nearer, or NULL. */
static const requirement *lost(const job *j, const quantities *q, const requirement *list,
                               int count, int next)
{
    for (int i = 0; i < count; i++)
        if (!requirement_met(&list[i], &j->measure.zero, q) &&
            !(recipe_helps(&j->recipe, next) & help_for(&list[i])))
            return &list[i];
    return NULL;
}

/* Why there is no going on behind the stage, as a note; false where there is. */
static bool must_stop(job *j, const quantities *q)
{
    const recipe *r = &j->recipe;
    const recipe_stage *stage = &r->stages[j->stage];
    text missed = {0};
    const requirement *of_stage =
        lost(j, q, stage->required, stage->required_count, r->count);
    const requirement *of_all = lost(j, q, r->required, r->required_count, j->stage + 1);
    const requirement *why = of_stage ? of_stage : of_all;
    if (!why || (!of_stage && j->stage + 1 == r->count))
        return false;
    yardstick_missed(&j->measure, q, why, 1, &missed);
    rows_note(j->call, "recipe: stopped behind stage %s: %s, %s", stage->name,
              text_get(&missed),
              of_stage ? "which the stage requires"
                       : "and no stage that is left can change that");
    text_clear(&missed);
    return true;
}

/* ---- the whole ---- */

static status run_stage(job *j, bool *stop, error *e)
{
    const recipe_stage *stage = &j->recipe.stages[j->stage];
    const double began = task_clock();
    bool saved = false;
    quantities q;
    add_key(j, stage->name);
    for (int i = 0; i < stage->count; i++)
        add_key(j, stage->commands[i]);
    char *path = stage_path(j, e);
    status s = path ? do_stage(j, path, &saved, e) : E_MEMORY;
    const double seconds = task_clock() - began;
    const model *m = s == E_OK ? session_get_model(j->call->session, j->name, e) : NULL;
    if (s == E_OK && !m)
        s = e->code;
    if (s == E_OK && !saved)
        s = model_write(m, path, e);
    if (s == E_OK)
        s = yardstick_measure(&j->measure, m, &q, e);
    if (s == E_OK)
        s = put_row(j, stage->name, &q, seconds, saved, e);
    *stop = s == E_OK && must_stop(j, &q);
    memory_free(path);
    return s;
}

static status stopped(const job *j, error *e)
{
    fail(e, E_STOPPED, "recipe: stopped in stage %s; %s is as it was before it",
         j->recipe.stages[j->stage].name, j->name);
    return fail_hint(e, "the same command with resume=yes goes on");
}

static status run_stages(job *j, error *e)
{
    bool stop = false;
    for (j->stage = 0; j->stage < j->recipe.count && !stop; j->stage++) {
        status s = run_stage(j, &stop, e);
        if (s == E_STOPPED)
            return stopped(j, e);
        if (s != E_OK)
            return fail_prefix(e, "recipe: stage %s", j->recipe.stages[j->stage].name);
    }
    return E_OK;
}

/* The result begins as the base. */
static status begin(job *j, error *e)
{
    session *s = j->call->session;
    char *line = memory_format(e, "copy %s %s", j->base_name, j->name);
    status code = line ? session_begin(s, line, e) : E_MEMORY;
    if (code == E_OK) {
        model *m = model_copy(j->base, e);
        code = m ? session_put_model(s, j->name, m, e) : e->code;
        if (code != E_OK)
            session_rollback(s);
        else if (session_end(s))
            code = session_journal_add(s, line, e);
    }
    memory_free(line);
    return code;
}

/* Files of the stages go where nobody asked for them and all is done. */
static void remove_files(job *j)
{
    begin_key(j);
    for (j->stage = 0; j->automatic && j->stage < j->recipe.count; j->stage++) {
        const recipe_stage *stage = &j->recipe.stages[j->stage];
        add_key(j, stage->name);
        for (int i = 0; i < stage->count; i++)
            add_key(j, stage->commands[i]);
        char *path = stage_path(j, NULL);
        if (path)
            unlink(path);
        memory_free(path);
    }
}

static status run_recipe(job *j, error *e)
{
    TRY(choose_folder(j, e));
    begin_key(j);
    j->measure.base = j->base;
    TRY(yardstick_begin(&j->measure, e));
    j->stage = -1;
    TRY(put_row(j, "base", &j->measure.zero, 0, false, e));
    TRY(begin(j, e));
    TRY(run_stages(j, e));
    remove_files(j);
    return E_OK;
}

static status prepare(job *j, error *e)
{
    const option_set *o = &j->call->options;
    const char *as = option_words(o, "as");
    j->base_name = option_words(o, "model");
    TRY(rows_sample_set(j->call, "recipe", &j->measure.on, e));
    j->data_name = j->measure.on.name;
    const model *m = session_get_model(j->call->session, j->base_name, e);
    j->standing = m;
    j->base = m ? model_copy(m, e) : NULL;
    if (!j->base)
        return e->code;
    char *title = title_of(j->path, e);
    j->name = as      ? memory_text(as, e)
              : title ? memory_format(e, "%s-%s", j->base_name, title)
                      : NULL;
    memory_free(title);
    if (!j->name)
        return E_MEMORY;
    TRY(session_check_name(j->name, e));
    if (strcmp(j->name, j->base_name) == 0)
        return fail(e, E_USAGE, "recipe: the result cannot take the place of the base");
    j->measure.task = j->call->task;
    j->measure.batch = option_integer(o, "batch");
    j->measure.seconds = option_real(o, "seconds");
    j->measure.seed = rows_seed(j->call);
    TRY(interpreter_find(j->call->interpreter, j->path, &j->found, e));
    return recipe_read(&j->recipe, text_get(&j->found), e);
}

static status run(call *c, error *e)
{
    job j = {.call = c, .path = option_words(&c->options, "recipe")};
    if (strcmp(j.path, "record") == 0)
        return recipe_record(c, e);
    status s = prepare(&j, e);
    if (s == E_OK)
        s = run_recipe(&j, e);
    if (s != E_OK)
        fail_prefix(e, "recipe");
    recipe_clear(&j.recipe);
    text_clear(&j.found);
    model_free(j.base);
    memory_free(j.name);
    memory_free(j.folder);
    return s;
}

const command command_recipe = {
    .name = "recipe",
    .group = "compress",
    .summary = "compress in stages, each measured, until all requirements are met",
    .options = options,
    .arguments = 3,
    .required = 3,
    .flags = COMMAND_WHOLE | COMMAND_LONG | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "recipe steps.recipe m d as=small seconds=0.1",
    .details =
        "A recipe is a script with lines 'stage NAME', each with its commands below, in "
        "which $model is what is compressed, $base what it came from (a teacher) and "
        "$data "
        "the data.  'require size=-30% time=-40% accuracy=-5pt' before the first stage "
        "is "
        "of the result, within a stage of what it leaves: a share of the base, points of "
        "a "
        "metric, or a limit as it is measured.  Behind each stage the model is measured "
        "as "
        "its file holds it, its time in turns with the base's, and saved; each stage is "
        "one "
        "step of undo, and one of the history.  The recipe stops, and says why, where a "
        "stage misses "
        "what it requires, and where a requirement is missed that no stage that is left "
        "can bring nearer: commands that train for metrics, those that compress for size "
        "and time.  After Ctrl-C or a crash the same command with resume=yes takes the "
        "finished stages from their files.  'recipe record MODEL FILE' writes a recipe "
        "of "
        "what was done to MODEL, from the first command that compressed it on.",
    .see = "goal, prune, quantize, distill, history",
    .run = run,
};
