/* SPDX-License-Identifier: GPL-3.0-or-later
   writer.h -- the table of formats that reports are written in and read back from: one
   row and two files each.  They write into memory; they touch no file and no ledger. */
#ifndef LATHE_REPORT_WRITER_H
#define LATHE_REPORT_WRITER_H

#include "report/document.h"
#include "report/found.h"

typedef struct report_format {
    const char *name;           /* html, md, tex: the file's ending, too */
    const char *const *figures; /* endings of figures that it takes, the best first; NULL
                                   ends them */
    bool embeds;                /* figures are held in the report itself */
    void (*write)(const document *d, text *out);
    /* What stands in the LENGTH bytes of WORDS, which a NUL ends. */
    void (*read)(const char *words, size_t length, found_list *out);
} report_format;

/* NULL beyond the last. */
const report_format *report_format_at(int i);
/* By a file's ending; NULL with E_USAGE. */
const report_format *report_format_of_file(const char *path, error *e);

void html_write(const document *d, text *out);
void html_read(const char *words, size_t length, found_list *out);
void markdown_write(const document *d, text *out);
void markdown_read(const char *words, size_t length, found_list *out);
void tex_write(const document *d, text *out);
void tex_read(const char *words, size_t length, found_list *out);

#endif
