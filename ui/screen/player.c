/* SPDX-License-Identifier: GPL-3.0-or-later
   player.c -- keys out of a file.  It goes the way of typed keys and has none of its own. */
#include "ui/screen/player.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/task.h"
#include "ui/screen/actions.h"
#include "ui/screen/save.h"
#include "ui/screen/line.h"
#include "ui/screen/parts.h"
#include "ui/script.h"

#define PATIENCE_SECONDS 120.0

struct player {
    script script;
    char *path;
    text line;
    int64_t number;
    bool pending; /* LINE is not done yet */
    double since; /* when it was begun */
};

player *player_new(const char *path, error *e)
{
    player *p = memory_new(1, sizeof *p, e);
    if (!p)
        return NULL;
    p->path = memory_text(path, e);
    if (p->path && script_open(&p->script, p->path, e) == E_OK)
        return p;
    memory_free(p->path);
    memory_free(p);
    return NULL;
}

void player_free(player *p)
{
    if (!p)
        return;
    script_close(&p->script);
    text_clear(&p->line);
    memory_free(p->path);
    memory_free(p);
}

/* As if CODE had been typed. */
static void press(screen *s, int code)
{
    char buffer[16];
    if (!line_is_open()) {
        action_key(s, code);
    } else if (code == KEY_OF_ESCAPE || code == KEY_OF_CONTROL('c')) {
        line_cancel();
    } else {
        for (const char *p = keys_bytes(code, buffer); *p && line_is_open(); p++)
            line_feed((unsigned char)*p);
    }
    draw_screen(s); /* the next key means what is then chosen */
}

static status press_names(screen *s, const char *words, error *e)
{
    char name[32];
    int used = 0;
    for (; sscanf(words, "%31s%n", name, &used) == 1; words += used) {
        const int code = keys_code(name);
        if (code < 0)
            return fail(e, E_NAME, "no key is called '%s'", name);
        press(s, code);
    }
    return E_OK;
}

static status type(screen *s, const char *words)
{
    for (; *words; words++)
        press(s, (unsigned char)*words);
    return E_OK;
}

static status change_size(const char *words, error *e)
{
    int columns, rows;
    if (sscanf(words, "%d %d", &columns, &rows) != 2 || columns < 1 || rows < 1 ||
        columns > 1000 || rows > 1000)
        return fail(e, E_USAGE, "size '%s': want COLUMNS ROWS", words);
    canvas_resize(rows, columns);
    return E_OK;
}

/* *DONE: WORDS stand on the screen; without words, nothing is to be done. */
static status look(screen *s, const char *words, bool *done, error *e)
{
    text shown = {0};
    if (!*words) {
        *done = !s->work.busy && s->work.waiting == 0 && !s->work.looks;
        return E_OK;
    }
    canvas_text(false, &shown);
    *done = strstr(text_get(&shown), words) != NULL;
    status result = text_ok(&shown, e);
    text_clear(&shown);
    return result;
}

static status wait_for(player *p, screen *s, const char *words, bool *done, error *e)
{
    TRY(look(s, words, done, e));
    if (*done || task_clock() - p->since < PATIENCE_SECONDS)
        return E_OK;
    return fail(e, E_RANGE, "'%s' was waited for in vain",
                *words ? words : "the end of commands");
}

static status save(const char *words, error *e)
{
    char path[512], colour[16] = "";
    if (sscanf(words, "%511s %15s", path, colour) < 1)
        return fail(e, E_USAGE, "save wants a file");
    return screen_save(path, text_equal(colour, "colour"), e);
}

static status do_step(player *p, screen *s, bool *done, error *e)
{
    const char *line = text_get(&p->line) + strspn(text_get(&p->line), " \t");
    const size_t length = strcspn(line, " ");
    const char *rest = line + length + (line[length] == ' ');
    const char *const verbs[] = {"keys", "type", "wait", "size", "save"};
    int verb = 0;
    *done = true;
    if (!*line || *line == '#')
        return E_OK;
    while (verb < 5 &&
           (strlen(verbs[verb]) != length || strncmp(line, verbs[verb], length) != 0))
        verb++;
    switch (verb) {
    case 0:
        return press_names(s, rest, e);
    case 1:
        return type(s, rest);
    case 2:
        return wait_for(p, s, rest, done, e);
    case 3:
        return change_size(rest, e);
    case 4:
        return save(rest, e);
    default:
        return fail(e, E_USAGE, "'%.*s': want keys, type, wait, size or save",
                    (int)length, line);
    }
}

status player_step(player *p, screen *s, bool *end, error *e)
{
    bool done;
    if (!p->pending) {
        TRY(script_next(&p->script, &p->line, &p->number, end, e));
        if (*end)
            return E_OK;
        p->pending = true;
        p->since = task_clock();
    }
    *end = false;
    status result = do_step(p, s, &done, e);
    p->pending = !done;
    if (result != E_OK)
        return fail_prefix(e, "%s:%lld", p->path, (long long)p->number);
    return E_OK;
}

bool player_waits(const player *p)
{
    return p->pending;
}
