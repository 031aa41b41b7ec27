/* SPDX-License-Identifier: GPL-3.0-or-later
   script.c -- reads the lines of a script.  It runs nothing. */
#include "ui/script.h"

#include <errno.h>
#include <string.h>
#include "ui/lexer.h"

enum { LINE_BYTES_MAX = 1 << 20 };

status script_open(script *s, const char *path, error *e)
{
    bool standard = text_equal(path, "-");
    *s = (script){.name = standard ? "stdin" : path};
    s->stream = standard ? stdin : fopen(path, "re");
    if (!s->stream)
        return fail(e, E_FILE, "%s: cannot be opened: %s", path, strerror(errno));
    return E_OK;
}

status script_open_words(script *s, const char *words, const char *name, error *e)
{
    *s = (script){.name = name, .stream = fmemopen((void *)words, strlen(words), "r")};
    return s->stream ? E_OK : fail(e, E_MEMORY, "memory: no room for the commands");
}

void script_close(script *s)
{
    if (s->stream && s->stream != stdin)
        fclose(s->stream);
    s->stream = NULL;
}

static status fail_read(const script *s, error *e)
{
    if (errno == EINTR)
        return fail(e, E_STOPPED, "stopped");
    return fail(e, E_FILE, "%s: cannot be read: %s", s->name, strerror(errno));
}

/* One line as it stands in the file, without its end. */
static status read_physical(script *s, text *line, bool *end, error *e)
{
    size_t before = line->length;
    int c;
    errno = 0;
    while ((c = getc(s->stream)) != EOF && c != '\n') {
        char byte = (char)c;
        if (byte == '\0')
            return fail(e, E_FORMAT, "%s: line %lld holds a NUL byte, want a text file",
                        s->name, (long long)s->lines + 1);
        if (line->length - before >= LINE_BYTES_MAX)
            return fail(e, E_FORMAT, "%s: line %lld is longer than %d bytes", s->name,
                        (long long)s->lines + 1, LINE_BYTES_MAX);
        text_add_bytes(line, &byte, 1);
    }
    if (c == EOF && ferror(s->stream))
        return fail_read(s, e);
    *end = c == EOF && line->length == before;
    if (!*end)
        s->lines++;
    if (line->length > before && line->data[line->length - 1] == '\r')
        line->data[--line->length] = '\0';
    return text_ok(line, e);
}

/* Some editors begin a file with this mark. */
static void drop_byte_order_mark(text *line)
{
    if (!text_starts(text_get(line), "\xef\xbb\xbf"))
        return;
    line->length -= 3;
    memmove(line->data, line->data + 3, line->length + 1);
}

status script_next(script *s, text *line, int64_t *number, bool *end, error *e)
{
    text_clear(line);
    TRY(read_physical(s, line, end, e));
    *number = s->lines;
    if (s->lines == 1)
        drop_byte_order_mark(line);
    while (!*end && line->length > 0 && lexer_continues(line->data)) {
        bool last;
        line->data[--line->length] = '\0';
        TRY(read_physical(s, line, &last, e));
        if (last)
            break;
    }
    return E_OK;
}
