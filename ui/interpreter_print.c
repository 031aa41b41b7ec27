/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter_print.c -- what is printed of a command: answer, notes, time, errors.
   It runs nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/task.h"
#include "ui/interpreter_parts.h"
#include "ui/output/terminal.h"
#include "ui/pager.h"

#define TIMED_SECONDS 2.0 /* at the prompt, longer commands say how long they took */

static void print_error_text(const char *words)
{
    text safe = {0};
    output_safe(words, &safe);
    fputs(text_get(&safe), stderr);
    text_clear(&safe);
}

/* Results.  A full disk is an error of its own, said once. */
static status print_result(interpreter *i, const char *words)
{
    errno = 0;
    if (fputs(words, stdout) != EOF && fflush(stdout) == 0)
        return E_OK;
    if (!i->lost && errno != EPIPE)
        fprintf(stderr, "lathe: standard output cannot be written: %s\n",
                strerror(errno));
    i->lost = true;
    return E_FILE;
}

/* Answers of commands that only look, where they are long, a page at a time: if a person is
   there to turn pages.  What a training or pruning has to say is short of that. */
static status show_result(const run *r, const place *at, const text *out)
{
    interpreter *i = r->i;
    settings *s = &i->settings;
    const bool looks = !(r->command->flags & (COMMAND_CHANGES | COMMAND_WHOLE));
    const bool pages = looks && s->interactive && s->pager && !at->file &&
                       i->depth == 0 && !i->front && !r->call.pixels &&
                       isatty(STDIN_FILENO);
    error e = {0};
    if (!pages || !pager_is_due(text_get(out), terminal_rows(STDOUT_FILENO), s->columns))
        return print_result(i, text_get(out));
    fflush(stdout);
    if (pager_show(text_get(out), out->length, &e) == E_OK)
        return E_OK;
    fprintf(stderr, "the pager is not used: %s\n", e.text);
    s->pager = false;
    return print_result(i, text_get(out));
}

void interpreter_print_caret(const interpreter *i, const place *at, size_t begin,
                             size_t end)
{
    const settings *s = &i->settings;
    if (at->file || s->prompt_columns == 0 || at->begin > 0 || strchr(at->line, '\n'))
        return;
    text before = {0}, under = {0};
    text_add_bytes(&before, at->line, begin);
    text_add_bytes(&under, at->line + begin, end > begin ? end - begin : 0);
    int column = s->prompt_columns + text_columns(text_get(&before));
    int width = text_columns(text_get(&under));
    if (column + width < s->columns) {
        fprintf(stderr, "%*s^", column, "");
        for (int k = 1; k < width; k++)
            fputc('~', stderr);
        fputc('\n', stderr);
    }
    text_clear(&before);
    text_clear(&under);
}

static void print_place(const place *at, text *out)
{
    if (at->file)
        text_addf(out, "%s:%lld: ", at->file, (long long)at->number);
}

void interpreter_print_error(const interpreter *i, const place *at, const error *e)
{
    const settings *s = &i->settings;
    fflush(stdout);
    if (e->text[0] == '\0')
        return;
    text out = {0};
    print_place(at, &out);
    if (!at->file)
        text_add(&out, s->interactive ? "error: " : "lathe: ");
    text_add(&out, e->text);
    if (e->hint[0]) { /* a hint that the terminal would break has a line of its own */
        bool fits =
            at->file || !s->interactive ||
            text_columns(text_get(&out)) + text_columns(e->hint) + 2 <= s->columns;
        text_addf(&out, fits ? "; %s" : "\n  %s", e->hint);
    }
    bool red = !at->file && s->interactive && s->colour;
    fputs(red ? "\033[31m" : "", stderr);
    print_error_text(text_get(&out));
    fputs(red ? "\033[0m\n" : "\n", stderr);
    text_clear(&out);
}

void interpreter_print_notes(const run *r, const place *at)
{
    const settings *s = &r->i->settings;
    if (s->quiet || (r->command->flags & COMMAND_TEXT))
        return;
    for (const char *line = text_get(&r->call.notes); *line;) {
        size_t length = strcspn(line, "\n");
        text out = {0};
        print_place(at, &out);
        text_addf(&out, "%s%.*s\n", at->file ? "note: " : "", (int)length, line);
        print_error_text(text_get(&out));
        text_clear(&out);
        line += length + (line[length] == '\n');
    }
}

static void print_seconds(const run *r, const place *at)
{
    const settings *s = &r->i->settings;
    char buffer[32];
    bool slow = s->interactive && !at->file && r->seconds >= TIMED_SECONDS;
    if (s->timer || (slow && !s->quiet))
        fprintf(stderr, "(%s)\n", text_seconds(buffer, r->seconds));
}

/* Text for people has no rows: a program gets it as one. */
static status format_answer(const run *r, output_format f, const output_style *style,
                            text *out, error *e)
{
    const table *rows = r->call.rows;
    bool words = (r->command->flags & COMMAND_TEXT) != 0;
    if (f == FORMAT_TEXT)
        text_add(out, text_get(&r->call.picture));
    if (words && f == FORMAT_JSON && rows->row_count == 0) {
        table_row(r->call.rows);
        table_text(r->call.rows, "text", text_get(&r->call.notes));
    } else if (words && (f == FORMAT_TEXT || rows->row_count == 0)) {
        text_add(out, text_get(&r->call.notes));
        return text_ok(out, e);
    }
    return output_table(rows, f, style, r->command->name, r->seconds, out, e);
}

status interpreter_print_answer(const run *r, const place *at, error *e)
{
    const settings *s = &r->i->settings;
    const output_style style = {s->columns, s->unicode, s->colour};
    bool elsewhere = r->call.output_file && !(r->command->flags & COMMAND_FILE);
    text out = {0};
    status result = E_OK;
    if (s->format == FORMAT_JSON || !elsewhere)
        result = format_answer(r, s->format, &style, &out, e);
    if (result == E_OK && out.length > 0)
        result = show_result(r, at, &out);
    text_clear(&out);
    interpreter_print_notes(r, at);
    print_seconds(r, at);
    return result;
}

status interpreter_write_answer(const run *r, error *e)
{
    const settings *s = &r->i->settings;
    const output_style plain = {0, s->unicode, false};
    output_format f = s->format;
    if (!r->call.output_file || (r->command->flags & COMMAND_FILE))
        return E_OK;
    output_format_of_file(r->call.output_file, &f);
    text out = {0};
    atomic_file file;
    status result = format_answer(r, f, &plain, &out, e);
    if (result == E_OK)
        result = atomic_open(&file, r->call.output_file, e);
    if (result == E_OK) {
        fwrite(text_get(&out), 1, out.length, file.stream); /* commit asks ferror */
        result = atomic_commit(&file, e);
    }
    text_clear(&out);
    return result;
}
