/* SPDX-License-Identifier: GPL-3.0-or-later
   support_report.c -- the study that reports of tests are about.  It knows no template. */
#include "support.h"
#include "support_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "report/check.h"

static const char figure[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"4\" "
                             "height=\"4\"><rect width=\"4\" height=\"4\"/></svg>\n";

const char *study_path(const study *s, const char *file)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", s->folder, file);
    return path;
}

void study_write(const study *s, const char *file, const char *words)
{
    FILE *f = fopen(study_path(s, file), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(words, 1, strlen(words), f), strlen(words));
    assert_int_equal(fclose(f), 0);
}

/* ---- receipts ---- */

static int64_t record(study *s, const char *session, const char *line, const table *rows,
                      const ledger_argument *arguments, int64_t count)
{
    char command[32];
    error e = {0};
    int64_t id = 0;
    snprintf(command, sizeof command, "%.*s", (int)strcspn(line, " "), line);
    const receipt r = {.session = session,
                       .command = command,
                       .line = line,
                       .seed = 7,
                       .started = 1767225600.125, /* 2026-01-01 */
                       .seconds = 0.5,
                       .status = "done",
                       .machine = "A & B <processor>",
                       .level = "avx2",
                       .threads = 2,
                       .version = "1.0",
                       .arguments = arguments,
                       .argument_count = count,
                       .rows = rows};
    if (ledger_record(s->ledger, &r, &id, &e) != E_OK)
        fail_msg("%s", e.text);
    return id;
}

int64_t study_record(study *s, const char *line, const char *column, const char *words)
{
    table *t = table_new(NULL);
    assert_non_null(t);
    table_row(t);
    table_text(t, column, words);
    int64_t id = record(s, STUDY_SESSION, line, t, NULL, 0);
    table_free(t);
    return id;
}

static void put_model(table *t, const char *model, double accuracy, int64_t bytes,
                      int64_t nonzero)
{
    table_row(t);
    table_text(t, "model", model);
    table_text(t, "split", "test");
    table_integer(t, "samples", 1000);
    table_real(t, "accuracy", accuracy);
    table_real(t, "accuracy_low", accuracy - 0.01);
    table_real(t, "accuracy_high", accuracy + 0.01);
    table_integer(t, "parameters", 1199882);
    table_integer(t, "nonzero", nonzero);
    table_integer(t, "bytes", bytes);
}

static void put_time(table *t, const char *model, double ms)
{
    table_row(t);
    table_text(t, "model", model);
    table_real(t, "median_ms", ms);
}

static void record_models(study *s)
{
    const ledger_argument epochs[] = {{"epochs", "5", true}};
    const ledger_argument amount[] = {{"amount", "0.9", true}};
    table *t = table_new(NULL);
    put_model(t, "m", 0.9895, 4799528, 1199882);
    record(s, STUDY_SESSION, "train m d epochs=5", t, epochs, 1);
    put_model(t, "m50", 0.9848, 480796, 120199);
    put_model(t, "m8", 0.9895, 1199882, 1199000);
    record(s, STUDY_SESSION, "eval m m50 m8 d", t, NULL, 0);
    table_free(t);
    t = table_new(NULL);
    put_model(t, "m50", 0.9848, 480796, 120199);
    record(s, STUDY_SESSION, "prune m amount=0.9 data=d as=m50", t, amount, 1);
    table_free(t);
    t = table_new(NULL);
    put_model(t, "m8", 0.9895, 1199882, 1199000);
    record(s, STUDY_SESSION, "quantize m data=d as=m8", t, NULL, 0);
    table_free(t);
}

static void record_times(study *s)
{
    table *t = table_new(NULL);
    put_time(t, "m", 2.5);
    put_time(t, "m8", 0.5);
    record(s, STUDY_SESSION, "bench m m8", t, NULL, 0);
    table_flag(t, "met", true);
    record(s, STUDY_SESSION, "compare m m8 latency=-40%", t, NULL, 0);
    table_free(t);
}

static void record_figure(study *s)
{
    char digest[17];
    study_write(s, "figure.svg", figure);
    study_write(s, "figure.pdf", figure);
    table *t = table_new(NULL);
    for (int i = 0; i < 2; i++) {
        table_row(t);
        table_text(t, "figure", "training");
        table_text(t, "file", study_path(s, i ? "figure.pdf" : "figure.svg"));
        table_text(t, "digest",
                   ledger_hash(digest,
                               random_hash(figure, (int64_t)strlen(figure), HASH_START)));
    }
    record(s, STUDY_SESSION, "plot training m > figure.svg", t, NULL, 0);
    table_free(t);
    t = table_new(NULL);
    table_row(t);
    table_text(t, "file", "m8.safetensors");
    table_integer(t, "bytes", 1199882);
    record(s, STUDY_SESSION, "save m8 m8.safetensors", t, NULL, 0);
    record(s, "07e50e50", "eval other d", t, NULL, 0);
    table_free(t);
}

void study_make(study *s)
{
    error e = {0};
    *s = (study){0};
    snprintf(s->folder, sizeof s->folder, "/tmp/lathe-report-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    s->ledger = ledger_open(study_path(s, "runs.db"), &e);
    if (!s->ledger)
        fail_msg("%s", e.text);
    table *t = table_new(NULL);
    table_row(t);
    table_text(t, "data", "d");
    table_integer(t, "samples", 5000);
    record(s, STUDY_SESSION, "data d fashion", t, NULL, 0);
    table_free(t);
    record_models(s);
    record_times(s);
    record_figure(s);
}

void study_remove(study *s)
{
    char line[128];
    ledger_close(s->ledger);
    snprintf(line, sizeof line, "rm -rf %s", s->folder);
    assert_int_equal(system(line), 0);
}

/* ---- reports ---- */

static const char *variable(void *context, const char *name)
{
    const study *s = context;
    return strcmp(name, "out") == 0 ? s->folder : NULL;
}

static status build(study *s, const char *words, const char *file, document *d,
                    report_counts *counts, error *e)
{
    char path[256];
    snprintf(path, sizeof path, "%s", study_path(s, file));
    const report_request r = {.ledger = s->ledger,
                              .scope = {.sessions = STUDY_SESSION},
                              .format = report_format_of_file(path, e),
                              .path = path,
                              .words = words ? words : report_usual_template,
                              .name = words ? "t.report" : NULL,
                              .date = -1,
                              .hooks = {.context = s, .variable = variable}};
    assert_non_null(r.format);
    return report_build(&r, d, counts, e);
}

void study_report(study *s, const char *words, const char *file, text *out,
                  report_counts *counts)
{
    error e = {0};
    document d = {0};
    if (build(s, words, file, &d, counts, &e) != E_OK)
        fail_msg("%s", e.text);
    report_format_of_file(file, &e)->write(&d, out);
    assert_int_equal(text_ok(out, &e), E_OK);
    document_clear(&d);
}

error study_refuses(study *s, const char *words)
{
    error e = {0};
    document d = {0};
    report_counts counts;
    assert_int_not_equal(build(s, words, "r.md", &d, &counts, &e), E_OK);
    document_clear(&d);
    return e;
}

int64_t study_faults(study *s, const char *file, const text *out)
{
    error e = {0};
    check_counts counts;
    table *faults = table_new(NULL);
    char path[256];
    snprintf(path, sizeof path, "%s", study_path(s, file));
    if (report_check(s->ledger, report_format_of_file(file, &e), path, text_get(out),
                     out->length, faults, &counts, &e) != E_OK)
        fail_msg("%s", e.text);
    assert_int_equal(faults->row_count, counts.wrong);
    table_free(faults);
    return counts.wrong;
}
