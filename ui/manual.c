/* SPDX-License-Identifier: GPL-3.0-or-later
   manual.c -- help pages and the search in them, written from the command table.
   It appends to a text and prints nothing. */
#include "ui/manual.h"

#include <ctype.h>
#include <string.h>
#include "base/memory.h"
#include "ui/command/parse.h"

enum { NARROWEST = 40, WIDEST = 90, OPTION_COLUMN = 24 };

static const struct {
    const char *name, *title;
} groups[] = {
    {"data", "Data"},         {"learn", "Models and training"},
    {"measure", "Measuring"}, {"compress", "Compression"},
    {"plot", "Figures"},      {"session", "Session"},
    {"help", "Help"},
};

const char *manual_group(int i)
{
    return i >= 0 && i < (int)(sizeof groups / sizeof *groups) ? groups[i].name : NULL;
}

const char *manual_group_title(int i)
{
    return groups[i].title;
}

static int page_width(int columns)
{
    if (columns == 0 || columns > WIDEST)
        return columns == 0 ? 80 : WIDEST;
    return columns < NARROWEST ? NARROWEST : columns;
}

/* Bytes of the word at WORDS: up to a blank, or where that is wider than ROOM columns to
   the last "|" that fits. */
static size_t word_length(const char *words, int room)
{
    size_t whole = strcspn(words, " \n"), length = whole;
    if (room > 0 && whole > (size_t)room)
        for (size_t i = 1; i <= (size_t)room; i++)
            length = words[i - 1] == '|' ? i : length;
    return length;
}

/* WORDS broken at blanks so that no line is wider than WIDTH; lines but the first begin
   with INDENT blanks, and the first has FIRST columns behind it already. */
static void add_wrapped(text *out, const char *words, int first, int indent, int width)
{
    int column = first;
    bool fresh = true;
    while (*words) {
        words += strspn(words, " \n");
        size_t length = word_length(words, width - indent);
        text word = {0};
        text_add_bytes(&word, words, length);
        int wide = text_columns(text_get(&word));
        if (!fresh && column + 1 + wide > width) {
            text_addf(out, "\n%*s", indent, "");
            column = indent;
            fresh = true;
        }
        text_addf(out, "%s%s", fresh ? "" : " ", text_get(&word));
        column += wide + !fresh;
        fresh = wide == 0;
        words += length;
        text_clear(&word);
    }
    text_add(out, "\n");
}

/* "  LEFT      WORDS", the words wrapped in their column. */
/* An option and its choices, which go on in the next line where they do not fit. */
static void add_left(text *out, const char *left, int width)
{
    const int indent = 2 + (int)strcspn(left, "=") + 1;
    int room = width - 2;
    text_add(out, "  ");
    while ((int)strlen(left) > room) {
        int cut = room;
        while (cut > 0 && left[cut - 1] != '|')
            cut--;
        if (cut == 0)
            break;
        text_addf(out, "%.*s\n%*s", cut, left, indent, "");
        left += cut;
        room = width - indent;
    }
    text_add(out, left);
}

static void add_entry(text *out, const char *left, const char *words, int width)
{
    int wide = 2 + text_columns(left);
    add_left(out, left, width);
    if (wide + 2 > OPTION_COLUMN)
        text_addf(out, "\n%*s", OPTION_COLUMN, "");
    else
        text_addf(out, "%*s", OPTION_COLUMN - wide, "");
    add_wrapped(out, words, OPTION_COLUMN, OPTION_COLUMN, width);
}

/* ---- overview ---- */

static void add_group(text *out, const char *name, const char *title, int width)
{
    bool any = false;
    for (int i = 0; command_at(i); i++) {
        const command *c = command_at(i);
        if (!text_equal(c->group, name))
            continue;
        if (!any)
            text_addf(out, "%s\n", title);
        any = true;
        text_addf(out, "  %-12s", c->name);
        add_wrapped(out, c->summary, 14, 14, width);
    }
}

void manual_overview(int columns, text *out)
{
    int width = page_width(columns);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        add_group(out, groups[i].name, groups[i].title, width);
    text_add(out, "\n");
    add_wrapped(out,
                "'help COMMAND' explains one, with an example; 'help WORD' searches.  "
                "key=value options may stand in any order; '> FILE' keeps an answer.  "
                "Tab completes, Ctrl-C stops a job and keeps its work, Ctrl-D leaves.",
                0, 0, width);
}

/* ---- pages ---- */

static void option_left(const option *row, bool positional, text *out)
{
    if (positional) {
        text_add(out, row->name);
        return;
    }
    text_addf(out, "%s=", row->name);
    option_grammar(row, out);
}

/* "samples of one step; 1.. samples, default 8" */
static void option_right(const option *row, bool positional, text *out)
{
    text_add(out, row->help);
    const char *joint = "; ";
    if (positional && row->range) {
        text_add(out, joint);
        option_grammar(row, out);
        joint = ", ";
    }
    if (row->unit) {
        text_addf(out, "%sin %s", joint, row->unit);
        joint = ", ";
    }
    if (row->standard)
        text_addf(out, "%sdefault %s", joint, row->standard);
}

static void add_option(text *out, const option *row, bool positional, int width)
{
    text left = {0}, right = {0};
    option_left(row, positional, &left);
    option_right(row, positional, &right);
    add_entry(out, text_get(&left), text_get(&right), width);
    text_clear(&left);
    text_clear(&right);
}

/* Rows of one table: the first ARGUMENTS of them are positional. */
static void add_options(text *out, const option *rows, int arguments, int width)
{
    for (int i = 0; rows && rows[i].name; i++)
        add_option(out, &rows[i], i < arguments, width);
}

static void add_more_words(text *out, const command *c, int width)
{
    text words = {0};
    if (!c->more_word)
        return;
    const char *name = c->options[c->more_argument].name;
    text_addf(&words, "The %s may be ", name);
    for (int i = 0; c->more_word(i); i++)
        text_addf(&words, "%s%s",
                  i == 0                ? ""
                  : c->more_word(i + 1) ? ", "
                                        : " or ",
                  c->more_word(i));
    text_addf(&words, "; each has options of its own: 'help %s %s'.", c->name,
              c->more_word(0));
    text_add(out, "\n");
    add_wrapped(out, text_get(&words), 0, 0, width);
    text_clear(&words);
}

static void add_labelled(text *out, const char *label, const char *words, int width)
{
    if (!words)
        return;
    text_addf(out, "%s: ", label);
    add_wrapped(out, words, (int)strlen(label) + 2, (int)strlen(label) + 2, width);
}

static void add_page(text *out, const command *c, const char *word, const extra *more,
                     int width)
{
    text title = {0};
    text_addf(&title, "%s%s%s: %s", c->name, word ? " " : "", word ? word : "",
              word && more->summary ? more->summary : c->summary);
    add_wrapped(out, text_get(&title), 0, 2, width);
    text_clear(&title);
    text_add(out, "\nUsage: ");
    parse_usage(c, more, out);
    text_add(out, (c->flags & COMMAND_FILE) ? " [> FILE]\n" : "\n");
    if (c->options && c->options[0].name)
        text_add(out, "\n");
    add_options(out, c->options, c->arguments, width);
    add_options(out, more->options, more->arguments, width);
    if (!word)
        add_more_words(out, c, width);
    if (c->details) {
        text_add(out, "\n");
        add_wrapped(out, c->details, 0, 0, width);
    }
    text_add(out, "\n");
    add_labelled(out, "Example", word && more->example ? more->example : c->example,
                 width);
    add_labelled(out, "See also", c->see, width);
    add_labelled(out, "Source", word && more->source ? more->source : c->source, width);
}

/* The option NAME of each word that has one: "With gpe:". */
static bool add_option_of_words(text *out, const command *c, const char *name, int width)
{
    bool any = false;
    for (int i = 0; c->more_word && c->more_word(i); i++) {
        extra more = {0};
        const option *row = c->more(c->more_word(i), &more, NULL)
                                ? option_find(more.options, name)
                                : NULL;
        if (!row)
            continue;
        text_addf(out, "With %s:\n", c->more_word(i));
        add_option(out, row, false, width);
        any = true;
    }
    return any;
}

status manual_page(const command *c, const char *word, int columns, text *out, error *e)
{
    int width = page_width(columns);
    extra more = {0};
    error refused = {0};
    const option *row = word ? option_find(c->options, word) : NULL;
    if (!word || (c->more && c->more(word, &more, &refused))) {
        add_page(out, c, word, &more, width);
        return E_OK;
    }
    if (row) {
        add_option(out, row, false, width);
        return E_OK;
    }
    if (add_option_of_words(out, c, word, width))
        return E_OK;
    if (e && c->more) {
        *e = refused;
        return e->code;
    }
    fail(e, E_NAME, "%s has no option '%.80s'", c->name, word);
    return fail_hint(e, "'help %s' lists them", c->name);
}

/* ---- search ---- */

static bool contains(const char *words, const char *part)
{
    size_t length = strlen(part);
    for (; words && *words; words++)
        if (strncasecmp(words, part, length) == 0)
            return true;
    return false;
}

static bool option_speaks(const option *row, const char *word)
{
    return contains(row->name, word) || contains(row->help, word) ||
           contains(row->range, word);
}

/* Options of one table that speak of WORD; KEY is NULL or the word they depend on. */
static bool search_options(text *out, const option *rows, const char *word,
                           const char *key, int width)
{
    bool any = false;
    for (; rows && rows->name; rows++) {
        if (!option_speaks(rows, word))
            continue;
        text left = {0};
        text_addf(&left, "  %s%s%s=", key ? key : "", key ? " " : "", rows->name);
        add_entry(out, text_get(&left), rows->help, width);
        text_clear(&left);
        any = true;
    }
    return any;
}

static bool search_more(text *out, const command *c, const char *word, int width)
{
    bool any = false;
    for (int i = 0; c->more_word && c->more_word(i); i++) {
        extra more = {0};
        if (!c->more(c->more_word(i), &more, NULL))
            continue;
        if (contains(c->more_word(i), word)) {
            text_addf(out, "    %s\n", c->more_word(i));
            any = true;
        }
        any = search_options(out, more.options, word, c->more_word(i), width) || any;
    }
    return any;
}

bool manual_search(const char *word, int columns, text *out)
{
    int width = page_width(columns);
    bool any = false;
    for (int i = 0; command_at(i); i++) {
        const command *c = command_at(i);
        text below = {0};
        bool found = search_options(&below, c->options, word, NULL, width);
        found = search_more(&below, c, word, width) || found;
        if (found || contains(c->name, word) || contains(c->summary, word) ||
            contains(c->details, word)) {
            text_addf(out, "%-12s", c->name);
            add_wrapped(out, c->summary, 12, 12, width);
            text_add(out, text_get(&below));
            any = true;
        }
        text_clear(&below);
    }
    return any;
}
