/* SPDX-License-Identifier: GPL-3.0-or-later
   tex_words.c -- the signs that LaTeX reads as something else, by one table for both
   ways. */
#include "report/tex_words.h"

#include <stdbool.h>
#include <string.h>

static const struct {
    char sign;
    const char *written;
} rows[] = {
    {'&', "\\&"},
    {'%', "\\%"},
    {'$', "\\$"},
    {'#', "\\#"},
    {'_', "\\_"},
    {'{', "\\{"},
    {'}', "\\}"},
    {'~', "\\textasciitilde{}"},
    {'^', "\\textasciicircum{}"},
    {'\\', "\\textbackslash{}"},
    {'<', "\\textless{}"},
    {'>', "\\textgreater{}"},
    {'|', "\\textbar{}"},
    {'"', "\\textquotedbl{}"},
    {'`', "\\textasciigrave{}"},
    {'\'', "\\textquotesingle{}"},
    {'[', "{[}"}, /* behind the end of a row it would begin an option */
    {']', "{]}"},
    {'-', "{-}"}, /* several would be a dash; one alone is written as it is */
    {'-', "$-$"}, /* a minus, which tex_write.c writes; the row above is found first */
};

enum { ROWS = sizeof rows / sizeof *rows };

void tex_words_write(const char *words, text *out)
{
    for (const char *p = words; *p; p++) {
        size_t i = 0;
        while (i < ROWS && rows[i].sign != *p)
            i++;
        bool alone = *p == '-' && p[1] != '-' && (p == words || p[-1] != '-');
        if (*p == '\n' || *p == '\r' || *p == '\t')
            text_add(out, " ");
        else if (i < ROWS && !alone)
            text_add(out, rows[i].written);
        else
            text_add_bytes(out, p, 1);
    }
}

void tex_words_read(const char *source, size_t length, text *out)
{
    for (size_t at = 0; at < length;) {
        size_t i = 0, n = 0;
        for (; i < ROWS; i++) {
            n = strlen(rows[i].written);
            if (n <= length - at && memcmp(source + at, rows[i].written, n) == 0)
                break;
        }
        if (i == ROWS) {
            text_add_bytes(out, source[at] == '~' ? " " : source + at, 1);
            at++;
        } else {
            text_add_bytes(out, &rows[i].sign, 1);
            at += n;
        }
    }
}
