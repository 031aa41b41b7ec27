/* SPDX-License-Identifier: GPL-3.0-or-later
   keys.c -- the table of keys, and the names of keys.  It reads none. */
#include "ui/screen/keys.h"

#include <stdio.h>
#include <string.h>
#include "ui/screen/actions.h"

static const key_row rows[] = {
    {{':'}, IN_PANES, "write a command", action_command},
    {{'?', KEY_OF_F1}, IN_PANES, "the keys that are valid here", action_help},
    {{KEY_OF_TAB, KEY_OF_BACK_TAB},
     IN_PANES,
     "the next pane, the one before",
     action_next_pane},
    {{'1', '2', '3', '4'}, IN_PANES, "session, layers, picture, log", action_pane},
    {{'z'}, IN_PANES, "this pane alone, or all of them", action_alone},
    {{KEY_OF_UP, 'k', KEY_OF_DOWN, 'j'}, IN_PANES, "up, down", action_move},
    {{KEY_OF_PAGE_UP, KEY_OF_PAGE_DOWN}, IN_PANES, "a page up, a page down", action_move},
    {{KEY_OF_HOME, 'g', KEY_OF_END, 'G'},
     IN_PANES,
     "to the begin, to the end",
     action_move},
    {{'/'},
     IN_SESSION | IN_LAYERS | IN_LOG,
     "show only what holds some words",
     action_filter},
    {{KEY_OF_ENTER}, IN_SESSION, "to its layers", action_open},
    {{KEY_OF_BLANK}, IN_SESSION, "what was done to it", action_steps},
    {{'+', KEY_OF_RIGHT, '-', KEY_OF_LEFT},
     IN_LAYERS,
     "prune more of this layer, less of it",
     action_amount},
    {{'b', 'B'}, IN_LAYERS, "fewer bits for its weights, more", action_bits},
    {{'a', KEY_OF_ENTER}, IN_LAYERS, "apply the changes, as a command", action_apply},
    {{'p'}, IN_LAYERS, "time every layer, as it is and as it is set", action_plan},
    {{'e'}, IN_PANES, "measure the error of this model", action_measure},
    {{'s'}, IN_PANES, "sample what each layer costs", action_sample},
    {{'v', 'V'}, IN_PANES, "the next picture, the one before", action_picture},
    {{'n', 'N'}, IN_PANES, "another sample through it, kind, measure", action_turn},
    {{'m'}, IN_SESSION | IN_LAYERS, "mark this model", action_mark},
    {{'c'}, IN_SESSION | IN_LAYERS, "compare it with the marked one", action_compare},
    {{KEY_OF_LEFT, 'h', KEY_OF_RIGHT, 'l'},
     IN_LOG,
     "to the left, to the right",
     action_side},
    {{KEY_OF_ESCAPE},
     IN_PANES,
     "no changes, filter, mark, choice of picture",
     action_escape},
    {{'u', 'U'}, IN_PANES, "undo the last command, do it again", action_undo},
    {{KEY_OF_CONTROL('c')},
     IN_PANES,
     "stop the job; twice: what waits goes too",
     action_stop},
    {{KEY_OF_CONTROL('l')}, IN_PANES, "draw everything again", action_redraw},
    {{'q', KEY_OF_CONTROL('d')}, IN_PANES, "leave the screen", action_quit},
};

static const struct {
    int code;
    const char *name, *bytes; /* what a terminal sends */
} named[] = {
    {KEY_OF_TAB, "Tab", "\t"},
    {KEY_OF_ENTER, "Enter", "\r"},
    {KEY_OF_ESCAPE, "Esc", "\033"},
    {KEY_OF_BLANK, "Space", " "},
    {KEY_OF_DELETE, "Backspace", "\177"},
    {KEY_OF_UP, "Up", "\033[A"},
    {KEY_OF_DOWN, "Down", "\033[B"},
    {KEY_OF_LEFT, "Left", "\033[D"},
    {KEY_OF_RIGHT, "Right", "\033[C"},
    {KEY_OF_PAGE_UP, "PageUp", "\033[5~"},
    {KEY_OF_PAGE_DOWN, "PageDown", "\033[6~"},
    {KEY_OF_HOME, "Home", "\033[H"},
    {KEY_OF_END, "End", "\033[F"},
    {KEY_OF_BACK_TAB, "Shift-Tab", "\033[Z"},
    {KEY_OF_F1, "F1", "\033OP"},
};

const key_row *keys_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof *rows) ? &rows[i] : NULL;
}

const key_row *keys_find(int code, pane p)
{
    for (int i = 0; keys_at(i); i++)
        for (int k = 0; k < KEYS_OF_ROW && rows[i].codes[k]; k++)
            if (rows[i].codes[k] == code && rows[i].places & 1u << p)
                return &rows[i];
    return NULL;
}

const char *keys_name(int code, char buffer[16])
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i].code == code)
            return named[i].name;
    if (code > 0 && code < ' ')
        snprintf(buffer, 16, "Ctrl-%c", '@' + code);
    else
        snprintf(buffer, 16, "%c", code);
    return buffer;
}

int keys_code(const char *name)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (strcmp(named[i].name, name) == 0)
            return named[i].code;
    if (text_starts(name, "Ctrl-") && name[5] && !name[6])
        return KEY_OF_CONTROL(name[5]);
    return name[0] && !name[1] ? (unsigned char)name[0] : -1;
}

const char *keys_bytes(int code, char buffer[16])
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i].code == code)
            return named[i].bytes;
    snprintf(buffer, 16, "%c", code);
    return buffer;
}

void keys_names(const key_row *row, text *out)
{
    char buffer[16];
    for (int k = 0; k < KEYS_OF_ROW && row->codes[k]; k++)
        text_addf(out, "%s%s", k > 0 ? ", " : "", keys_name(row->codes[k], buffer));
}
