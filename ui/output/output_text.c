/* SPDX-License-Identifier: GPL-3.0-or-later
   output_text.c -- tables for people: columns that line up; where a row is wider than the
   terminal, the words of the last column broken into lines, or else records standing side
   by side, one key a line.  At a terminal NAME, NAME_low and NAME_high are one column,
   "0.914 [0.909, 0.919]".
   It knows nothing of what the numbers mean. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/output/format.h"

enum { GAP = 2, NARROWEST = 16 /* columns that words are broken into */ };

/* The words of every cell, and what they need. */
typedef struct sheet {
    const table *t;
    const output_style *style;
    int64_t rows, columns;
    char **words;  /* [rows x columns] */
    char **heads;  /* [columns] */
    int *width;    /* [columns] of heads and words */
    bool *numbers; /* [columns] */
    int64_t *from; /* [columns] of the table */
} sheet;

static void sheet_clear(sheet *s)
{
    for (int64_t i = 0; s->words && i < s->rows * s->columns; i++)
        memory_free(s->words[i]);
    for (int64_t i = 0; s->heads && i < s->columns; i++)
        memory_free(s->heads[i]);
    memory_free(s->words);
    memory_free(s->heads);
    memory_free(s->width);
    memory_free(s->numbers);
    memory_free(s->from);
}

/* ---- intervals ---- */

/* The column with an END, "_low" or "_high", of the interval of COLUMN, or -1. */
static int64_t end_of(const table *t, int64_t column, const char *end)
{
    char name[160];
    const int length = snprintf(name, sizeof name, "%s%s", t->columns[column], end);
    return length > 0 && length < (int)sizeof name ? table_column(t, name) : -1;
}

static bool has_interval(const table *t, int64_t column)
{
    return end_of(t, column, "_low") >= 0 && end_of(t, column, "_high") >= 0;
}

/* Does COLUMN stand with another as an end of its interval? */
static bool is_end(const table *t, int64_t column)
{
    for (int64_t j = 0; j < t->column_count; j++)
        if (has_interval(t, j) &&
            (end_of(t, j, "_low") == column || end_of(t, j, "_high") == column))
            return true;
    return false;
}

/* The interval of COLUMN in row I, where there is one, with the digits of the number. */
static void add_interval(const sheet *s, int64_t column, int64_t i, number_style style,
                         text *out)
{
    const cell *low = table_get(s->t, i, end_of(s->t, column, "_low"));
    const cell *high = table_get(s->t, i, end_of(s->t, column, "_high"));
    if (s->style->columns == 0 || low->kind == CELL_NONE || high->kind == CELL_NONE)
        return;
    text_add(out, " [");
    number_cell(low, style, "-", out);
    text_add(out, ", ");
    number_cell(high, style, "-", out);
    text_add(out, "]");
}

/* ---- words ---- */

/* One line, without what a terminal would obey. */
static char *safe_line(const char *words, error *e)
{
    text safe = {0};
    output_safe(words, &safe);
    for (size_t i = 0; i < safe.length; i++)
        if (safe.data[i] == '\n')
            safe.data[i] = ' ';
    return text_take(&safe, e);
}

static status fill_column(sheet *s, int64_t j, error *e)
{
    const int64_t column = s->from[j];
    number_style style = number_style_of(s->t, column);
    s->heads[j] = safe_line(s->t->columns[column], e);
    if (!s->heads[j])
        return E_MEMORY;
    s->width[j] = text_columns(s->heads[j]);
    s->numbers[j] = number_column(s->t, column);
    for (int64_t i = 0; i < s->rows; i++) {
        text raw = {0};
        number_cell(table_get(s->t, i, column), style, "-", &raw);
        add_interval(s, column, i, style, &raw);
        char *words = raw.failed ? NULL : safe_line(text_get(&raw), e);
        text_clear(&raw);
        if (!words)
            return fail(e, E_MEMORY, "memory: no room for a table");
        s->words[i * s->columns + j] = words;
        int width = text_columns(words);
        s->width[j] = width > s->width[j] ? width : s->width[j];
    }
    return E_OK;
}

static status sheet_fill(sheet *s, const table *t, const output_style *style, error *e)
{
    *s = (sheet){.t = t, .style = style, .rows = t->row_count};
    s->from = memory_new(t->column_count, sizeof *s->from, e);
    for (int64_t j = 0; s->from && j < t->column_count; j++)
        if (style->columns == 0 || !is_end(t, j))
            s->from[s->columns++] = j;
    s->words = memory_new(s->rows * s->columns, sizeof *s->words, e);
    s->heads = memory_new(s->columns, sizeof *s->heads, e);
    s->width = memory_new(s->columns, sizeof *s->width, e);
    s->numbers = memory_new(s->columns, sizeof *s->numbers, e);
    if (!s->from || !s->words || !s->heads || !s->width || !s->numbers)
        return E_MEMORY;
    for (int64_t j = 0; j < s->columns; j++)
        TRY(fill_column(s, j, e));
    return E_OK;
}

static void add_blanks(text *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        text_add(out, " ");
}

/* WORDS in WIDTH columns; nothing behind the last cell of a line. */
static void add_cell(text *out, const char *words, int width, bool right, bool last)
{
    int blanks = width - text_columns(words);
    if (right)
        add_blanks(out, blanks);
    text_add(out, words);
    if (!right && !last)
        add_blanks(out, blanks);
}

static void add_bold(text *out, const sheet *s, bool on)
{
    if (s->style->colour)
        text_add(out, on ? "\033[1m" : "\033[0m");
}

/* Bytes of the UTF-8 character at WORDS, and its columns. */
static size_t character(const char *words, int *columns)
{
    char one[8] = {words[0]};
    size_t length = 1;
    while (((unsigned char)words[length] & 0xc0) == 0x80 && length + 1 < sizeof one) {
        one[length] = words[length];
        length++;
    }
    *columns = text_columns(one);
    return length;
}

/* Bytes of WORDS that fit into WIDTH columns, cut at a blank where there is one. */
static size_t fitting(const char *words, int width)
{
    size_t blank = 0, i = 0;
    for (int used = 0; words[i];) {
        int columns;
        size_t length = character(words + i, &columns);
        if (used + columns > width)
            return blank > 0 ? blank : i > 0 ? i : length;
        if (words[i] == ' ')
            blank = i;
        used += columns;
        i += length;
    }
    return i;
}

/* WORDS in lines of WIDTH columns; all but the first begin with INDENT blanks. */
static void add_broken(text *out, const char *words, int width, int64_t indent)
{
    for (bool first = true; first || *words; first = false) {
        size_t length = fitting(words, width);
        if (!first) {
            text_add(out, "\n");
            add_blanks(out, indent);
        }
        text_add_bytes(out, words, length);
        words += length;
        while (*words == ' ')
            words++;
    }
}

static void add_row(const sheet *s, int64_t i, text *out)
{
    int64_t column = 0;
    for (int64_t j = 0; j + 1 < s->columns; j++) {
        add_cell(out, s->words[i * s->columns + j], s->width[j], s->numbers[j], false);
        add_blanks(out, GAP);
        column += s->width[j] + GAP;
    }
    int64_t last = s->columns - 1;
    const char *words = s->words[i * s->columns + last];
    if (s->numbers[last])
        add_cell(out, words, s->width[last], true, true);
    else
        add_broken(out, words, s->width[last], column);
    text_add(out, "\n");
}

static void add_horizontal(const sheet *s, text *out)
{
    add_bold(out, s, true);
    for (int64_t j = 0; j < s->columns; j++) {
        add_blanks(out, j ? GAP : 0);
        add_cell(out, s->heads[j], s->width[j], s->numbers[j], j + 1 == s->columns);
    }
    add_bold(out, s, false);
    text_add(out, "\n");
    for (int64_t j = 0; j < s->columns; j++) {
        add_blanks(out, j ? GAP : 0);
        for (int i = 0; i < s->width[j]; i++)
            text_add(out, s->style->unicode ? "\u2500" : "-");
    }
    text_add(out, "\n");
    for (int64_t i = 0; i < s->rows; i++)
        add_row(s, i, out);
}

/* Does the table fit, if need be with the words of its last column broken? */
static bool make_fit(sheet *s)
{
    int64_t width = -GAP, last = s->columns - 1;
    for (int64_t j = 0; j < s->columns; j++)
        width += GAP + s->width[j];
    if (s->style->columns == 0 || width <= s->style->columns)
        return true;
    int64_t room = s->style->columns - (width - s->width[last]);
    if (s->numbers[last] || s->columns == 1 || room < NARROWEST ||
        room < text_columns(s->heads[last]))
        return false;
    s->width[last] = (int)room;
    return true;
}

/* Width of record I when it stands upright. */
static int record_width(const sheet *s, int64_t i)
{
    int width = 0;
    for (int64_t j = 0; j < s->columns; j++) {
        int w = text_columns(s->words[i * s->columns + j]);
        width = w > width ? w : width;
    }
    return width;
}

/* Records FIRST to LAST-1 side by side, one key a line. */
static void add_records(const sheet *s, int64_t first, int64_t last, int head, text *out)
{
    for (int64_t j = 0; j < s->columns; j++) {
        add_bold(out, s, true);
        add_cell(out, s->heads[j], head, false, false);
        add_bold(out, s, false);
        for (int64_t i = first; i < last; i++) {
            bool alone = last - first == 1;
            add_blanks(out, GAP);
            add_cell(out, s->words[i * s->columns + j], record_width(s, i), !alone,
                     i + 1 == last);
        }
        text_add(out, "\n");
    }
}

static void add_vertical(const sheet *s, text *out)
{
    int head = 0;
    for (int64_t j = 0; j < s->columns; j++) {
        int w = text_columns(s->heads[j]);
        head = w > head ? w : head;
    }
    for (int64_t first = 0, last; first < s->rows; first = last) {
        int64_t width = head + GAP + record_width(s, first);
        for (last = first + 1; last < s->rows; last++) {
            width += GAP + record_width(s, last);
            if (width > s->style->columns)
                break;
        }
        if (first > 0)
            text_add(out, "\n");
        add_records(s, first, last, head, out);
    }
}

status output_text_table(const table *t, const output_style *style, text *out, error *e)
{
    if (t->row_count == 0)
        return E_OK;
    sheet s;
    status result = sheet_fill(&s, t, style, e);
    if (result == E_OK) {
        if (make_fit(&s))
            add_horizontal(&s, out);
        else
            add_vertical(&s, out);
    }
    sheet_clear(&s);
    return result;
}
