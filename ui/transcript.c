/* SPDX-License-Identifier: GPL-3.0-or-later
   transcript.c -- the file of a transcript: its head, commands, comments.  What a command's
   line looks like is the business of transcript_line.c. */
#include "ui/transcript.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "ledger/ledger.h"
#include "ui/command/parse.h"

#define FIRST_LINE "# lathe transcript"

struct transcript {
    FILE *stream;
    char *path, *folder; /* the folder is absolute, without links */
    int64_t commands;
};

/* ---- models before a command ---- */

void earlier_models_take(earlier_models *m, const session *s)
{
    object_kind kind;
    for (int64_t i = 0; i < session_count(s); i++) {
        const char *name = session_name(s, i, &kind);
        if (kind != OBJECT_MODEL ||
            memory_grow((void **)&m->items, &m->capacity, m->count + 1, sizeof *m->items,
                        NULL) != E_OK)
            continue;
        char *copy = memory_text(name, NULL);
        if (copy)
            m->items[m->count++] =
                (earlier_model){copy, session_get_model(s, name, NULL)};
    }
}

void earlier_models_clear(earlier_models *m)
{
    for (int64_t i = 0; i < m->count; i++)
        memory_free(m->items[i].name);
    memory_free(m->items);
    *m = (earlier_models){0};
}

static bool was_there(const earlier_models *before, const char *name, const model *m)
{
    for (int64_t i = 0; i < before->count; i++)
        if (text_equal(before->items[i].name, name))
            return before->items[i].model == m;
    return false;
}

/* ---- lines ---- */

/* The lines of WORDS as comments. */
static void write_comment(transcript *t, const char *words)
{
    while (*words) {
        const size_t length = strcspn(words, "\r\n");
        if (length > 0)
            fprintf(t->stream, "# %.*s\n", (int)length, words);
        words += length + (words[length] != '\0');
    }
}

static void write_models(transcript *t, const earlier_models *before, const session *s)
{
    object_kind kind;
    char hash[17];
    for (int64_t i = 0; i < session_count(s); i++) {
        const char *name = session_name(s, i, &kind);
        const model *m = kind == OBJECT_MODEL ? session_get_model(s, name, NULL) : NULL;
        if (m && !was_there(before, name, m))
            fprintf(t->stream, "# %s %s\n", name,
                    ledger_hash(hash, graph_hash(m->graph)));
    }
}

static status flush(transcript *t, error *e)
{
    errno = 0;
    if (fflush(t->stream) == 0 && !ferror(t->stream))
        return E_OK;
    return fail(e, E_FILE, "%s: cannot be written: %s", t->path, strerror(errno));
}

status transcript_add(transcript *t, const char *line, status result, bool kept,
                      const error *why, const earlier_models *before, const session *s,
                      error *e)
{
    if (result == E_OK) {
        fprintf(t->stream, "%s\n", line);
    } else if (kept) {
        write_comment(t, why->text);
        fprintf(t->stream, "# stopped before its end, which a replay runs to:\n%s\n",
                line);
    } else {
        fprintf(t->stream, "# %s: ", result == E_STOPPED ? "stopped" : "failed");
        for (const char *p = line; *p; p++)
            fputc(*p == '\n' || *p == '\r' ? ' ' : *p, t->stream);
        fputc('\n', t->stream);
        write_comment(t, why->text);
    }
    if (result == E_OK || kept)
        write_models(t, before, s);
    t->commands++;
    return flush(t, e);
}

/* ---- the head ---- */

/* A line of the journal: variables are put in already. */
static void write_earlier(transcript *t, const char *line)
{
    sentence words = {0};
    option_set options = {0};
    size_t at = 0;
    int64_t blame;
    text out = {0};
    const command *c = NULL;
    if (lexer_next(line, &at, NULL, &words, NULL) == E_OK && words.count > 0)
        c = parse_command(words.items[0].words, false, NULL);
    if (c && parse_options(c, &words, false, &options, &blame, NULL) == E_OK) {
        /* What has no seed of its own follows the `set seed` before it. */
        static const command as_written = {.flags = COMMAND_REST};
        command plain = as_written;
        plain.name = c->name;
        transcript_line(&plain, &words, &options, 0, t->folder, &out);
    }
    fprintf(t->stream, "%s\n", out.length > 0 ? text_get(&out) : line);
    text_clear(&out);
    option_set_clear(&options);
    sentence_clear(&words);
}

static void write_head(transcript *t, const session *s, uint64_t first_seed)
{
    const earlier_models none = {0};
    const int64_t count = session_journal_count(s);
    const char *base = strrchr(t->path, '/');
    fprintf(t->stream, FIRST_LINE " " PACKAGE_VERSION "\n");
    fprintf(t->stream, "# made on %s, %s, threads=%d; results do not depend on threads\n",
            cpu_model_name(), cpu_level_name(cpu_get_level()), cpu_threads());
    fputs("# 'lathe ", t->stream);
    fprintf(t->stream, "%s' in its folder does the same again\n",
            base ? base + 1 : t->path);
    fprintf(t->stream, "set seed=%llu\n",
            (unsigned long long)(count > 0 ? first_seed : session_seed(s)));
    if (count == 0)
        return;
    fputs("# what was done before the transcript began:\n", t->stream);
    for (int64_t i = 0; i < count; i++)
        write_earlier(t, session_journal_line(s, i));
    write_models(t, &none, s);
    fputs("# the transcript:\n", t->stream);
}

/* ---- the file ---- */

static char *folder_of(const char *path, error *e)
{
    const char *end = strrchr(path, '/');
    char *named = end == path ? memory_text("/", e)
                  : end       ? memory_format(e, "%.*s", (int)(end - path), path)
                              : memory_text(".", e);
    char *real = named ? realpath(named, NULL) : NULL;
    if (named && !real)
        fail(e, E_FILE, "%s: cannot be made: %s", path, strerror(errno));
    char *folder = real ? memory_text(real, e) : NULL;
    free(real);
    memory_free(named);
    return folder;
}

static status open_file(transcript *t, const char *path, const session *s,
                        uint64_t first_seed, error *e)
{
    t->path = memory_text(path, e);
    t->folder = t->path ? folder_of(path, e) : NULL;
    if (!t->folder)
        return e ? e->code : E_FILE;
    t->stream = fopen(path, "we");
    if (!t->stream)
        return fail(e, E_FILE, "%s: cannot be made: %s", path, strerror(errno));
    write_head(t, s, first_seed);
    return flush(t, e);
}

transcript *transcript_open(const char *path, const session *s, uint64_t first_seed,
                            error *e)
{
    transcript *t = memory_new(1, sizeof *t, e);
    if (!t)
        return NULL;
    if (open_file(t, path, s, first_seed, e) == E_OK)
        return t;
    transcript_close(t); /* what there is of the file stays: it may be a device */
    return NULL;
}

void transcript_close(transcript *t)
{
    if (!t)
        return;
    if (t->stream)
        fclose(t->stream); /* each command was flushed */
    memory_free(t->path);
    memory_free(t->folder);
    memory_free(t);
}

const char *transcript_path(const transcript *t)
{
    return t->path;
}

const char *transcript_folder(const transcript *t)
{
    return t->folder;
}

int64_t transcript_commands(const transcript *t)
{
    return t->commands;
}

bool transcript_is(const char *path)
{
    char begin[sizeof FIRST_LINE];
    FILE *f = fopen(path, "re");
    const size_t got = f ? fread(begin, 1, sizeof FIRST_LINE - 1, f) : 0;
    if (f)
        fclose(f);
    return got == sizeof FIRST_LINE - 1 && memcmp(begin, FIRST_LINE, got) == 0;
}
