/* SPDX-License-Identifier: GPL-3.0-or-later
   recipe_read.c -- recipes from their files: text from a stranger, checked line by line
   before anything runs. */
#include "ui/command/recipe.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "ui/lexer.h"
#include "ui/script.h"

/* What commands can make better of a model; others leave it as it is. */
static const struct {
    const char *command;
    unsigned helps;
} help_rows[] = {
    {"train", HELPS_METRIC},
    {"distill", HELPS_METRIC},
    {"prune", HELPS_METRIC | HELPS_SIZE | HELPS_TIME},
    {"quantize", HELPS_SIZE | HELPS_TIME},
    {"lowrank", HELPS_SIZE | HELPS_TIME},
    {"separate", HELPS_SIZE | HELPS_TIME},
    {"fuse", HELPS_SIZE | HELPS_TIME},
    {"tune", HELPS_TIME},
    {"model", HELPS_METRIC | HELPS_SIZE | HELPS_TIME},
    {"load", HELPS_METRIC | HELPS_SIZE | HELPS_TIME},
    {"copy", HELPS_METRIC | HELPS_SIZE | HELPS_TIME},
};

/* Training alone makes nothing smaller, unless it is towards integers; pruning alone wins
   no accuracy back. */
static unsigned help_of(const char *command, const char *line)
{
    for (size_t i = 0; i < sizeof help_rows / sizeof *help_rows; i++) {
        if (strcmp(help_rows[i].command, command) != 0)
            continue;
        unsigned helps = help_rows[i].helps;
        if (strstr(line, "qat="))
            helps |= HELPS_SIZE | HELPS_TIME;
        if (strcmp(command, "prune") == 0 && !strstr(line, "retrain="))
            helps &= ~(unsigned)HELPS_METRIC;
        return helps;
    }
    return 0;
}

unsigned recipe_helps(const recipe *r, int first)
{
    unsigned helps = 0;
    for (int i = first; i < r->count; i++)
        helps |= r->stages[i].helps;
    return helps;
}

void recipe_clear(recipe *r)
{
    for (int i = 0; r->stages && i < r->count; i++) {
        memory_free(r->stages[i].name);
        for (int k = 0; k < r->stages[i].count; k++)
            memory_free(r->stages[i].commands[k]);
    }
    memory_free(r->stages);
    *r = (recipe){0};
}

static status add_stage(recipe *r, const sentence *w, error *e)
{
    if (w->count != 2)
        return fail(e, E_USAGE, "want stage NAME");
    const char *name = w->items[1].words;
    TRY(session_check_name(name, e));
    for (int i = 0; i < r->count; i++)
        if (strcmp(r->stages[i].name, name) == 0)
            return fail(e, E_USAGE, "there is a stage %s already", name);
    if (r->count == STAGES_MAX)
        return fail(e, E_USAGE, "more than %d stages", STAGES_MAX);
    char *copy = memory_text(name, e);
    if (!copy)
        return E_MEMORY;
    r->stages[r->count++].name = copy;
    return E_OK;
}

static status add_requirements(recipe *r, const sentence *w, error *e)
{
    recipe_stage *stage = r->count ? &r->stages[r->count - 1] : NULL;
    requirement *list = stage ? stage->required : r->required;
    int *count = stage ? &stage->required_count : &r->required_count;
    for (int64_t i = 1; i < w->count; i++) {
        const word *one = &w->items[i];
        char key[64];
        if (one->equals == LEXER_NONE || one->equals >= sizeof key)
            return fail(e, E_USAGE, "'%.40s' is no requirement, want KEY=AMOUNT",
                        one->words);
        if (*count == REQUIREMENTS_MAX)
            return fail(e, E_USAGE, "more than %d requirements", REQUIREMENTS_MAX);
        memcpy(key, one->words, one->equals);
        key[one->equals] = '\0';
        TRY(requirement_read(&list[*count], key, one->words + one->equals + 1, e));
        (*count)++;
    }
    return w->count > 1 ? E_OK : fail(e, E_USAGE, "want require KEY=AMOUNT...");
}

static status add_command(recipe *r, const sentence *w, const char *words, size_t length,
                          int64_t line, error *e)
{
    const command *c = command_find(w->items[0].words);
    if (!c)
        return fail(e, E_NAME, "there is no command '%.40s'", w->items[0].words);
    if (c->flags & COMMAND_WHOLE)
        return fail(e, E_USAGE, "%s cannot stand in a recipe", c->name);
    if (r->count == 0)
        return fail(e, E_USAGE, "a command stands before the first stage");
    recipe_stage *stage = &r->stages[r->count - 1];
    if (stage->count == COMMANDS_MAX)
        return fail(e, E_USAGE, "more than %d commands in a stage", COMMANDS_MAX);
    char *copy = memory_format(e, "%.*s", (int)length, words);
    if (!copy)
        return E_MEMORY;
    stage->commands[stage->count] = copy;
    stage->lines[stage->count++] = line;
    stage->helps |= help_of(c->name, copy);
    return E_OK;
}

/* All commands of one line. */
static status read_line(recipe *r, const char *line, int64_t number, error *e)
{
    status s = E_OK;
    for (size_t at = 0; s == E_OK && line[at];) {
        sentence w;
        const size_t from = at;
        s = lexer_next(line, &at, NULL, &w, e);
        if (s == E_OK && w.count > 0) {
            const char *first = w.items[0].words;
            size_t length = at - from;
            while (length > 0 && (isspace((unsigned char)line[from + length - 1]) ||
                                  line[from + length - 1] == ';'))
                length--;
            s = strcmp(first, "stage") == 0 ? add_stage(r, &w, e)
                : strcmp(first, "require") == 0
                    ? add_requirements(r, &w, e)
                    : add_command(r, &w, line + from, length, number, e);
        }
        sentence_clear(&w);
    }
    return s;
}

static status read_lines(recipe *r, script *file, text *line, error *e)
{
    for (;;) {
        int64_t number;
        bool end;
        TRY(script_next(file, line, &number, &end, e));
        if (end)
            return E_OK;
        if (read_line(r, text_get(line), number, e) != E_OK)
            return fail_prefix(e, "%s:%lld", file->name, (long long)number);
    }
}

status recipe_read(recipe *r, const char *path, error *e)
{
    script file;
    text line = {0};
    *r = (recipe){0};
    r->stages = memory_new(STAGES_MAX, sizeof *r->stages, e);
    if (!r->stages)
        return E_MEMORY;
    TRY(script_open(&file, path, e));
    status s = read_lines(r, &file, &line, e);
    script_close(&file);
    text_clear(&line);
    if (s == E_OK && r->count == 0) {
        fail(e, E_USAGE, "%s: there is no stage in it", path);
        return fail_hint(e,
                         "a recipe has lines 'stage NAME', each with its commands below");
    }
    return s;
}

/* The name that a variable at WORDS ("$model", "${model}") stands for, and its bytes. */
static const char *name_at(const char *words, const char *model, const char *base,
                           const char *data, size_t *length)
{
    const char *const names[][2] = {{"model", model}, {"base", base}, {"data", data}};
    const bool braced = words[1] == '{';
    const char *begin = words + 1 + braced;
    size_t bytes = 0;
    while (isalnum((unsigned char)begin[bytes]) || begin[bytes] == '_')
        bytes++;
    if (braced && begin[bytes] != '}')
        return NULL;
    *length = 1 + bytes + 2 * (size_t)braced;
    for (int i = 0; i < 3; i++)
        if (strlen(names[i][0]) == bytes && strncmp(names[i][0], begin, bytes) == 0)
            return names[i][1];
    return NULL;
}

status recipe_command(const char *command, const char *model, const char *base,
                      const char *data, text *out, error *e)
{
    for (const char *at = command; *at;) {
        size_t length = 1;
        const char *name = *at == '$' ? name_at(at, model, base, data, &length) : NULL;
        if (name)
            text_add(out, name);
        else
            text_add_bytes(out, at, 1);
        at += name ? length : 1;
    }
    return text_ok(out, e);
}
