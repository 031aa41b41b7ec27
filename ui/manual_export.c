/* SPDX-License-Identifier: GPL-3.0-or-later
   manual_export.c -- the command table as a manual page and as JSON.
   It appends to a text and prints nothing. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ui/command/parse.h"
#include "ui/manual.h"
#include "ui/screen/keys.h"

/* ---- the manual page; source: groff_man(7) ---- */

/* How roff writes a character that it would take for something else, or behind which a
   long list of words may go on in the next line. */
static const char *special(char c)
{
    static const struct {
        char character;
        const char *written;
    } rows[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
                {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"},  {'|', "|\\:"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].character == c)
            return rows[i].written;
    return NULL;
}

/* Words of running text: a hyphen that can be copied, no request by accident. */
static void add_roff(text *out, const char *words)
{
    bool fresh = true;
    for (const char *p = words; *p; p++) {
        if (fresh && (*p == '.' || *p == '\''))
            text_add(out, "\\&");
        fresh = *p == '\n';
        if (special(*p))
            text_add(out, special(*p));
        else
            text_add_bytes(out, p, 1);
    }
}

/* Each sentence on its own line, as roff wants it. */
static void add_paragraph(text *out, const char *words)
{
    text lines = {0};
    for (const char *p = words; *p; p++) {
        bool end = p > words && (p[-1] == '.' || p[-1] == '?') && p[0] == ' ';
        text_add_bytes(&lines, end ? "\n" : p, 1);
        while (end && p[1] == ' ')
            p++;
    }
    add_roff(out, text_get(&lines));
    text_add(out, "\n");
    if (lines.failed)
        out->failed = true;
    text_clear(&lines);
}

static void add_man_option(text *out, const option *row, bool positional)
{
    text grammar = {0};
    option_grammar(row, &grammar);
    text_add(out, ".TP\n.B ");
    add_roff(out, row->name);
    if (!positional) {
        text_add(out, "=");
        add_roff(out, text_get(&grammar));
    }
    text_add(out, "\n");
    add_roff(out, row->help);
    if (positional && row->range) {
        text_add(out, "; ");
        add_roff(out, text_get(&grammar));
    }
    if (row->unit) {
        text_add(out, "; in ");
        add_roff(out, row->unit);
    }
    if (row->standard) {
        text_add(out, "; default ");
        add_roff(out, row->standard);
    }
    text_add(out, ".\n");
    text_clear(&grammar);
}

static void add_man_options(text *out, const option *rows, int arguments)
{
    for (int i = 0; rows && rows[i].name; i++)
        add_man_option(out, &rows[i], i < arguments);
}

static void add_man_labelled(text *out, const char *label, const char *words,
                             bool literal)
{
    if (!words)
        return;
    text_addf(out, ".PP\n%s:\n", label);
    text_add(out, literal ? ".B \"" : "");
    add_roff(out, words);
    text_add(out, literal ? "\"\n" : "\n");
}

/* The options that the I-th word brings, or NULL. */
static const option *options_of_word(const command *c, int i, extra *more)
{
    *more = (extra){0};
    return c->more(c->more_word(i), more, NULL) ? more->options : NULL;
}

static bool stands_before(const command *c, int i, const option *rows)
{
    extra more;
    for (int k = 0; k < i; k++)
        if (options_of_word(c, k, &more) == rows)
            return true;
    return false;
}

/* Words with the same options stand together. */
static void add_man_more(text *out, const command *c)
{
    for (int i = 0; c->more_word && c->more_word(i); i++) {
        extra more, other;
        const option *rows = options_of_word(c, i, &more);
        if (!rows || stands_before(c, i, rows))
            continue;
        text_add(out, ".PP\nWith\n.BR ");
        add_roff(out, c->more_word(i));
        for (int k = i + 1; c->more_word(k); k++)
            if (options_of_word(c, k, &other) == rows) {
                text_add(out, " \", \" ");
                add_roff(out, c->more_word(k));
            }
        text_add(out, " :\n.RS\n");
        add_man_options(out, more.options, more.arguments);
        text_add(out, ".RE\n");
    }
}

static void add_man_command(text *out, const command *c)
{
    extra none = {0};
    text usage = {0};
    parse_usage(c, &none, &usage);
    text_add(out, ".SS ");
    add_roff(out, c->name);
    text_add(out, "\n");
    add_roff(out, c->summary);
    text_add(out, ".\n.PP\n.B \"");
    add_roff(out, text_get(&usage));
    text_add(out, (c->flags & COMMAND_FILE) ? " [> FILE]\"\n" : "\"\n");
    add_man_options(out, c->options, c->arguments);
    add_man_more(out, c);
    if (c->details) {
        text_add(out, ".PP\n");
        add_paragraph(out, c->details);
    }
    add_man_labelled(out, "Example", c->example, true);
    add_man_labelled(out, "See also", c->see, false);
    add_man_labelled(out, "Source", c->source, false);
    text_clear(&usage);
}

static void add_man_section(text *out, const char *title)
{
    text_add(out, ".SH ");
    for (const char *p = title; *p; p++)
        text_addf(out, "%c", toupper((unsigned char)*p));
    text_add(out, "\n");
}

/* The keys of the screen, from their table. */
static void add_man_keys(text *out)
{
    add_man_section(out, "keys of the screen");
    for (int i = 0; keys_at(i); i++) {
        const key_row *k = keys_at(i);
        text words = {0};
        text_add(out, ".TP\n.B ");
        keys_names(k, &words);
        add_roff(out, text_get(&words));
        text_clear(&words);
        text_add(&words, k->words);
        for (int p = 0, count = 0; k->places != IN_PANES && p < PANE_COUNT; p++)
            if (k->places & 1u << p)
                text_addf(&words, "%s%s", count++ > 0 ? ", " : "; pane ",
                          layout_pane_name((pane)p));
        text_add(out, "\n");
        add_roff(out, text_get(&words));
        text_add(out, "\n");
        text_clear(&words);
    }
}

static const char language[] =
    "A line holds a command, or several parted by semicolons: a verb, its arguments, "
    "then "
    "options as key=value in any order.  Arguments may be given as key=value too.  "
    "What is in seconds may be written as 90s, 10m or 2h.  A "
    "number "
    "sign begins a comment.  Blanks part words; double quotes keep them, and put "
    "variables "
    "in; single quotes keep everything.  A backslash takes the next character as it is; "
    "at "
    "the end of a line it goes on in the next.  \"let x = 0.9\" sets a variable, $x or "
    "${x} "
    "puts it in.  A list is 0.5,0.7,0.9; a span is 50:500.  \"> FILE\" writes the answer "
    "to a "
    "file, in the format of its ending: .txt, .csv, .md, .tex or .json; the file is "
    "replaced as a whole.  At the prompt a beginning of a command or of a key that only "
    "one "
    "has will do; in scripts whole words are wanted.";

void manual_man(text *out)
{
    text_add(out, ".\\\" Written by lathe --print-commands=man.\n"
                  ".TH LATHE\\-COMMANDS 7 \"\" \"lathe\" \"\"\n"
                  ".ad l\n"
                  ".SH NAME\nlathe\\-commands \\- the commands of lathe\n"
                  ".SH DESCRIPTION\n");
    add_paragraph(out, language);
    for (int g = 0; manual_group(g); g++) {
        bool any = false;
        for (int i = 0; command_at(i); i++) {
            if (!text_equal(command_at(i)->group, manual_group(g)))
                continue;
            if (!any)
                add_man_section(out, manual_group_title(g));
            any = true;
            add_man_command(out, command_at(i));
        }
    }
    add_man_keys(out);
    text_add(out, ".SH SEE ALSO\n.BR lathe (1)\n");
}

/* ---- JSON ---- */

static void put_string(json_t *object, const char *key, const char *words)
{
    json_object_set_new(object, key, words ? json_string(words) : json_null());
}

static json_t *options_json(const option *rows, int arguments, int required)
{
    json_t *list = json_array();
    for (int i = 0; rows && rows[i].name; i++) {
        json_t *one = json_object();
        text grammar = {0};
        option_grammar(&rows[i], &grammar);
        put_string(one, "name", rows[i].name);
        put_string(one, "values", text_get(&grammar));
        put_string(one, "default", rows[i].standard);
        put_string(one, "unit", rows[i].unit);
        put_string(one, "help", rows[i].help);
        json_object_set_new(one, "positional", json_boolean(i < arguments));
        json_object_set_new(one, "required", json_boolean(i < required));
        json_array_append_new(list, one);
        text_clear(&grammar);
    }
    return list;
}

static json_t *command_json(const command *c)
{
    json_t *one = json_object(), *words = json_object();
    extra none = {0};
    text usage = {0};
    parse_usage(c, &none, &usage);
    put_string(one, "name", c->name);
    put_string(one, "group", c->group);
    put_string(one, "summary", c->summary);
    put_string(one, "usage", text_get(&usage));
    json_object_set_new(one, "options",
                        options_json(c->options, c->arguments, c->required));
    for (int i = 0; c->more_word && c->more_word(i); i++) {
        extra more = {0};
        if (c->more(c->more_word(i), &more, NULL))
            json_object_set_new(
                words, c->more_word(i),
                options_json(more.options, more.arguments, more.required));
    }
    json_object_set_new(one, "words", words);
    put_string(one, "details", c->details);
    put_string(one, "example", c->example);
    put_string(one, "see", c->see);
    put_string(one, "source", c->source);
    text_clear(&usage);
    return one;
}

status manual_json(text *out, error *e)
{
    json_t *list = json_array();
    for (int i = 0; command_at(i); i++)
        json_array_append_new(list, command_json(command_at(i)));
    char *words = json_dumps(list, JSON_INDENT(1));
    json_decref(list);
    if (!words)
        return fail(e, E_MEMORY, "memory: no room for the manual");
    text_addf(out, "%s\n", words);
    free(words);
    return text_ok(out, e);
}
