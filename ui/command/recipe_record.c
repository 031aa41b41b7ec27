/* SPDX-License-Identifier: GPL-3.0-or-later
   recipe_record.c -- a recipe from the history of a session: the commands that made a
   model, as stages.  It runs nothing. */
#include "ui/command/recipe.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "ui/command/parse.h"
#include "ui/command/rows.h"
#include "ui/lexer.h"

/* A line of the history that changed a model: FROM it became TO. */
typedef struct deed {
    const char *line;
    const command *command;
    sentence words;
    option_set options;
    const char *from, *to; /* names; FROM NULL: it was made anew */
    bool undone;
} deed;

typedef struct record {
    deed *deeds;
    int64_t count;
} record;

static void record_clear(record *r)
{
    for (int64_t i = 0; r->deeds && i < r->count; i++) {
        sentence_clear(&r->deeds[i].words);
        option_set_clear(&r->deeds[i].options);
    }
    memory_free(r->deeds);
}

static const char *words_of(const option_set *o, const char *name)
{
    for (int64_t i = 0; i < o->count; i++)
        if (strcmp(o->values[i].row->name, name) == 0)
            return o->values[i].present ? o->values[i].words : NULL;
    return NULL;
}

/* What the line did to which model; false where it concerns none. */
static bool read_deed(deed *d, error *e)
{
    size_t at = 0;
    int64_t blame;
    error_clear(e);
    if (lexer_next(d->line, &at, NULL, &d->words, e) != E_OK || d->words.count == 0)
        return false;
    d->command = command_find(d->words.items[0].words);
    if (!d->command || !(d->command->flags & COMMAND_CHANGES) ||
        parse_options(d->command, &d->words, false, &d->options, &blame, e) != E_OK)
        return false;
    const char *as = words_of(&d->options, "as"), *name = d->command->name;
    if (strcmp(name, "copy") == 0 || strcmp(name, "rename") == 0) {
        d->from = words_of(&d->options, "from");
        d->to = words_of(&d->options, "to");
    } else if (strcmp(name, "model") == 0 || strcmp(name, "load") == 0) {
        d->to = words_of(&d->options, "name");
    } else {
        d->from = words_of(&d->options, "model");
        d->from = d->from ? d->from : words_of(&d->options, "student");
        d->to = as ? as : d->from;
    }
    return d->to != NULL;
}

/* "undo" takes the last deed back, "redo" the other way round. */
static void follow_undo(record *r, const char *line)
{
    const bool back = strcmp(line, "undo") == 0;
    if (!back && strcmp(line, "redo") != 0)
        return;
    int64_t at = -1;
    for (int64_t i = 0; i < r->count; i++)
        if (back ? !r->deeds[i].undone : r->deeds[i].undone && at < 0)
            at = i;
    if (at >= 0)
        r->deeds[at].undone = back;
}

/* Every line that is a step of undo counts, also those that concern no model. */
static status read_history(record *r, const session *s, error *e)
{
    const int64_t lines = session_journal_count(s);
    r->deeds = memory_new(lines, sizeof *r->deeds, e);
    if (!r->deeds)
        return E_MEMORY;
    for (int64_t i = 0; i < lines; i++) {
        const char *line = session_journal_line(s, i);
        deed *d = &r->deeds[r->count];
        follow_undo(r, line);
        if (*line == '#')
            continue;
        d->line = line;
        bool concerns = read_deed(d, e);
        if (concerns || (d->command && (d->command->flags & COMMAND_CHANGES))) {
            r->count++;
            continue;
        }
        sentence_clear(&d->words);
        option_set_clear(&d->options);
        *d = (deed){0};
    }
    error_clear(e);
    return E_OK;
}

static bool compresses(const deed *d)
{
    return strcmp(d->command->group, "compress") == 0 ||
           strcmp(d->command->name, "distill") == 0;
}

/* Marks in CHOSEN what led to NAME, the latest first; the first that compresses. */
static int64_t follow_back(const record *r, const char *name, bool *chosen)
{
    int64_t first = -1;
    for (int64_t i = r->count - 1; i >= 0 && name; i--) {
        const deed *d = &r->deeds[i];
        if (d->undone || !d->to || strcmp(d->to, name) != 0)
            continue;
        chosen[i] = true;
        first = compresses(d) ? i : first;
        name = d->from;
    }
    return first;
}

/* Is option ROW a name that the recipe says by a variable? */
static const char *variable_of(const deed *d, const option *row, const char *words)
{
    if (row->kind == OPTION_DATASET)
        return "$data";
    if (row->kind != OPTION_MODEL)
        return NULL;
    return strcmp(words, d->from) == 0 ? "$model" : "$base";
}

/* The command with variables for names, without as=; positional words without keys. */
static void write_command(const deed *d, FILE *to)
{
    fprintf(to, "%s", d->command->name);
    for (int64_t i = 0; i < d->options.count; i++) {
        const option_value *v = &d->options.values[i];
        text quoted = {0};
        if (!v->given || strcmp(v->row->name, "as") == 0)
            continue;
        const char *variable = variable_of(d, v->row, v->words);
        if (!variable)
            lexer_quote(v->words, &quoted);
        const option *own = option_find(d->command->options, v->row->name);
        const bool positional =
            own == v->row && own - d->command->options < d->command->arguments;
        fprintf(to, " %s%s%s", positional ? "" : v->row->name, positional ? "" : "=",
                variable ? variable : text_get(&quoted));
        text_clear(&quoted);
    }
    fprintf(to, "\n");
}

/* Stages are called by their commands: prune, prune-2, ... */
static void write_stage(const record *r, const bool *chosen, int64_t first, int64_t at,
                        FILE *to)
{
    const command *c = r->deeds[at].command;
    int number = 1;
    for (int64_t i = first; i < at; i++)
        number += chosen[i] && r->deeds[i].command == c;
    if (number > 1)
        fprintf(to, "\nstage %s-%d\n", c->name, number);
    else
        fprintf(to, "\nstage %s\n", c->name);
    write_command(&r->deeds[at], to);
}

static status write_recipe(call *c, const record *r, const bool *chosen, int64_t first,
                           const char *path, error *e)
{
    atomic_file f;
    TRY(atomic_open(&f, path, e));
    fprintf(f.stream, "# lathe " PACKAGE_VERSION ": a recipe of what was done to %s\n",
            option_words(&c->options, "model"));
    fprintf(f.stream, "# require size=-30%% time=-40%% accuracy=-5pt\n");
    for (int64_t i = first; i < r->count; i++) {
        const char *name = r->deeds[i].command->name;
        if (!chosen[i] || strcmp(name, "copy") == 0 || strcmp(name, "rename") == 0)
            continue;
        write_stage(r, chosen, first, i, f.stream);
        table_row(c->rows);
        table_text(c->rows, "command", r->deeds[i].line);
    }
    return atomic_commit(&f, e); /* asks ferror */
}

status recipe_journal(session *s, const char *lines, error *e)
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        char *one = memory_format(e, "%.*s", (int)length, lines);
        status code = one ? session_journal_add(s, one, e) : E_MEMORY;
        memory_free(one);
        TRY(code);
        lines += length + (lines[length] == '\n');
    }
    return E_OK;
}

status recipe_record(call *c, error *e)
{
    record r = {0};
    const char *name = option_words(&c->options, "model");
    if (!session_get_model(c->session, name, e))
        return e->code;
    status s = read_history(&r, c->session, e);
    bool *chosen = s == E_OK ? memory_new(r.count + 1, sizeof *chosen, e) : NULL;
    int64_t first = chosen ? follow_back(&r, name, chosen) : -1;
    if (!chosen) {
        s = E_MEMORY;
    } else if (first < 0) {
        fail(e, E_USAGE, "recipe: nothing in the history compressed %s", name);
        s = fail_hint(e, "'history' shows what was done");
    } else {
        s = write_recipe(c, &r, chosen, first, option_words(&c->options, "data"), e);
    }
    memory_free(chosen);
    record_clear(&r);
    return s;
}
