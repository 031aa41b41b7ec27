/* SPDX-License-Identifier: GPL-3.0-or-later
   writer.c -- the table of formats of reports. */
#include "report/writer.h"

#include <string.h>

static const char *const of_screens[] = {".svg", ".png", ".gif", NULL};
static const char *const of_latex[] = {".pdf", ".png", NULL};

static const report_format formats[] = {
    {"html", of_screens, true, html_write, html_read},
    {"md", of_screens, false, markdown_write, markdown_read},
    {"tex", of_latex, false, tex_write, tex_read},
};

const report_format *report_format_at(int i)
{
    return i >= 0 && i < (int)(sizeof formats / sizeof *formats) ? &formats[i] : NULL;
}

const report_format *report_format_of_file(const char *path, error *e)
{
    const char *dot = strrchr(path, '.');
    for (int i = 0; dot && report_format_at(i); i++)
        if (strcmp(dot + 1, formats[i].name) == 0 && dot != path && dot[-1] != '/')
            return &formats[i];
    fail(e, E_USAGE,
         "'%.200s' has no ending that reports are written in, want .html, .md "
         "or .tex",
         path);
    return NULL;
}
