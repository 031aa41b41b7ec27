/* SPDX-License-Identifier: GPL-3.0-or-later
   edit.c -- what is edited: a file, or a line of the history by way of one.  It runs no
   line. */
#include "ui/edit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/child.h"
#include "base/file.h"
#include "base/memory.h"
#include "ui/command/command.h"
#include "ui/command/parse.h"
#include "ui/editor.h"
#include "ui/guest.h"
#include "ui/lexer.h"

enum { BYTES_MOST = 1 << 20 };

/* The editor of the user's choice; the caller frees. */
static status choose(char **words, error *e)
{
    static const char *const variables[] = {"VISUAL", "EDITOR", NULL};
    static const char *const names[] = {"editor", "vi"};
    const char *choice = guest_choice(variables);
    *words = choice ? memory_text(choice, e) : NULL;
    if (choice)
        return *words ? E_OK : E_MEMORY;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        TRY(child_find(names[i], words, e));
        if (*words)
            return E_OK;
    }
    fail(e, E_FILE, "no editor was found in PATH");
    return fail_hint(e, "set EDITOR to the one you like");
}

static status edit_file(const char *path, int output, error *e)
{
    char *words;
    TRY(choose(&words, e));
    const status result = guest_run(
        &(guest){.words = words, .file = path, .input = CHILD_SAME, .output = output},
        NULL, e);
    memory_free(words);
    return result;
}

/* ---- a line of the history ---- */

static bool edits(const char *line)
{
    sentence w = {0};
    size_t at = 0;
    const bool is_edit = lexer_next(line, &at, NULL, &w, NULL) == E_OK && w.count > 0 &&
                         parse_command(w.items[0].words, true, NULL) == &command_edit;
    sentence_clear(&w);
    return is_edit;
}

static status write_line(const char *path, const char *line, error *e)
{
    atomic_file f;
    TRY(atomic_open(&f, path, e));
    fprintf(f.stream, "%s\n", line); /* commit asks ferror */
    return atomic_commit(&f, e);
}

static status read_lines(const char *path, text *lines, error *e)
{
    void *bytes;
    size_t length;
    TRY(file_read(path, BYTES_MOST, &bytes, &length, e));
    if (length > 0 && memchr(bytes, '\0', length)) {
        memory_free(bytes);
        return fail(e, E_FORMAT, "what was edited holds a NUL byte, want text");
    }
    const char *words = bytes;
    while (length > 0 && strchr(" \t\r\n", words[length - 1]))
        length--;
    for (size_t i = 0; i < length; i++)
        if (words[i] != '\r')
            text_add_bytes(lines, words + i, 1);
    memory_free(bytes);
    return text_ok(lines, e);
}

static status edit_line(int output, text *lines, error *e)
{
    int64_t back = 0;
    const char *line;
    while ((line = editor_past(back)) && edits(line))
        back++;
    if (!line)
        return fail(e, E_NAME, "no command was given yet");
    char *path = file_temporary(".lathe", e);
    if (!path)
        return e->code;
    status result = write_line(path, line, e);
    if (result == E_OK)
        result = edit_file(path, output, e);
    if (result == E_OK)
        result = read_lines(path, lines, e);
    unlink(path);
    memory_free(path);
    return result;
}

status edit_run(const char *path, int output, text *lines, error *e)
{
    return *path ? edit_file(path, output, e) : edit_line(output, lines, e);
}
