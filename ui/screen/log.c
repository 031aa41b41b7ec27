/* SPDX-License-Identifier: GPL-3.0-or-later
   log.c -- the lines that commands have printed.  It draws nothing. */
#include "ui/screen/log.h"

#include <string.h>
#include "base/memory.h"
#include "base/text.h"

enum { OUTSIDE, AFTER_ESCAPE, IN_SEQUENCE, IN_STRING };

/* A line of dashes under the heads of columns. */
static bool is_rule(const char *words)
{
    size_t dashes = 0;
    for (const char *p = words; *p;) {
        if (text_starts(p, "\u2500")) {
            p += strlen("\u2500");
            dashes++;
        } else if (*p == '-' || *p == ' ') {
            dashes += *p++ == '-';
        } else {
            return false;
        }
    }
    return dashes > 0;
}

static log_line *line_at(printed *p, int64_t i)
{
    return &p->lines[(p->first + i) % LOG_LINES];
}

static void add_line(printed *p, const char *words, size_t length)
{
    log_line line = {memory_format(NULL, "%.*s", (int)length, words), false};
    if (!line.words)
        return;
    if (p->count > 0 && is_rule(line.words))
        line_at(p, p->count - 1)->head = true;
    if (p->count == LOG_LINES) {
        memory_free(line_at(p, 0)->words);
        p->first = (p->first + 1) % LOG_LINES;
        p->count--;
    }
    *line_at(p, p->count++) = line;
}

/* Tables are made to fit; it is sentences that are broken. */
static void end_line(printed *p)
{
    const char *words = text_get(&p->open);
    while (p->columns > 0 && text_columns(words) > p->columns) {
        const size_t length = text_fitting(words, p->columns);
        add_line(p, words, length);
        words += length + (words[length] == ' ');
    }
    add_line(p, words, strlen(words));
    text_clear(&p->open);
}

/* Is BYTE part of an escape? */
static bool takes_escape(printed *p, unsigned char byte)
{
    switch (p->escape) {
    case OUTSIDE:
        p->escape = byte == 27 ? AFTER_ESCAPE : OUTSIDE;
        return byte == 27;
    case AFTER_ESCAPE:
        p->escape = byte == '['             ? IN_SEQUENCE
                    : strchr("PX]^_", byte) ? IN_STRING
                                            : OUTSIDE;
        return true;
    case IN_SEQUENCE:
        if (byte >= 0x40 && byte <= 0x7e)
            p->escape = OUTSIDE;
        return true;
    default: /* to its end: BEL, or ESC and a backslash */
        p->escape = byte == 7 ? OUTSIDE : byte == 27 ? AFTER_ESCAPE : IN_STRING;
        return true;
    }
}

void log_add(printed *p, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (takes_escape(p, (unsigned char)bytes[i]))
            continue;
        if (bytes[i] == '\n')
            end_line(p);
        else if (bytes[i] == '\r')
            text_clear(&p->open);
        else if (bytes[i] == '\t')
            text_add(&p->open, "    ");
        else if ((unsigned char)bytes[i] >= ' ') /* no bells */
            text_add_bytes(&p->open, bytes + i, 1);
    }
}

void log_clear(printed *p)
{
    for (int64_t i = 0; i < p->count; i++)
        memory_free(line_at(p, i)->words);
    text_clear(&p->open);
    p->first = p->count = 0;
}

const log_line *log_at(const printed *p, int64_t i)
{
    return &p->lines[(p->first + i) % LOG_LINES];
}
