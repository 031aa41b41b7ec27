/* SPDX-License-Identifier: GPL-3.0-or-later
   fuzz_report.c -- templates, published numbers and finished reports from strangers: any
   bytes give a report that its check finds nothing wrong with, or an error, or rows of
   faults.  As it stands it replays the files it is given; with libFuzzer:
   clang -DFUZZ_SEARCH -fsanitize=fuzzer,address,undefined. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../unit/support_report.h"
#include "report/check.h"
#include "report/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static study s;

static void check(const report_format *format, const char *words, size_t length,
                  check_counts *counts)
{
    error e = {0};
    table *faults = table_new(&e);
    status code = report_check(s.ledger, format, study_path(&s, "r.md"), words, length,
                               faults, counts, &e);
    assert(code == E_OK);
    assert(counts->wrong == faults->row_count);
    table_free(faults);
}

/* WORDS as a template: what comes out must hold. */
static void build(const report_format *format, const char *words)
{
    error e = {0};
    document d = {0};
    report_counts counts;
    check_counts found;
    text out = {0};
    char path[256];
    snprintf(path, sizeof path, "%s", study_path(&s, "r.md"));
    const report_request r = {.ledger = s.ledger,
                              .scope = {.sessions = STUDY_SESSION},
                              .format = format,
                              .path = path,
                              .words = words,
                              .date = -1};
    if (report_build(&r, &d, &counts, &e) == E_OK) {
        format->write(&d, &out);
        check(format, text_get(&out), out.length, &found);
        /* What looks like a line of a replay may stand in code. */
        assert(found.wrong == 0 || strstr(words, "run "));
    } else {
        assert(e.text[0]);
    }
    document_clear(&d);
    text_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    error e = {0};
    check_counts counts;
    if (!s.ledger)
        study_make(&s);
    char *words = calloc(length + 1, 1);
    table *cells = table_new(&e);
    if (!words || !cells)
        abort();
    memcpy(words, bytes, length);
    for (int i = 0; report_format_at(i); i++) {
        build(report_format_at(i), words);
        check(report_format_at(i), words, length, &counts);
    }
    csv_read(words, length, cells, &e);
    table_free(cells);
    free(words);
    return 0;
}

#ifndef FUZZ_SEARCH
int main(int count, char **paths)
{
    enum { BYTES_MAX = 1 << 20 };
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        uint8_t *bytes = malloc(BYTES_MAX);
        if (!file || !bytes)
            return 99;
        LLVMFuzzerTestOneInput(bytes, fread(bytes, 1, BYTES_MAX, file));
        free(bytes);
        fclose(file);
    }
    if (s.ledger)
        study_remove(&s);
    return 0;
}
#endif
