/* SPDX-License-Identifier: GPL-3.0-or-later
   transcript_line.c -- a command as a script elsewhere needs it: with its seed, and its
   files as they are called from the folder of that script.  It runs nothing. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "ui/command/parse.h"
#include "ui/transcript.h"

/* Words that options of files take for no file. */
static bool is_no_file(const char *words)
{
    static const char *const none[] = {"", "none", "no", "auto", "-"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (text_equal(words, none[i]))
            return true;
    return false;
}

/* Bytes that the absolute paths A and B have in common, up to a whole name. */
static size_t common(const char *a, const char *b)
{
    size_t end = 0, i = 0;
    for (; a[i] && a[i] == b[i]; i++)
        if (a[i] == '/')
            end = i;
    const bool whole = (a[i] == '\0' || a[i] == '/') && (b[i] == '\0' || b[i] == '/');
    return whole ? i : end;
}

/* PATH, which is absolute, as it is called from FOLDER. */
static void write_relative(const char *path, const char *folder, text *out)
{
    size_t same = common(path, folder);
    for (const char *p = folder + same; *p; p++)
        if (*p == '/' && p[1])
            text_add(out, "../");
    path += same;
    text_add(out, *path == '/' ? path + 1 : path);
}

/* The file WORDS as a script in FOLDER calls it.  An absolute path outside stays. */
static void write_path(const char *words, const char *folder, text *out)
{
    char here[4096];
    text whole = {0}, path = {0};
    const char *named = text_starts(words, "./") ? words + 2 : words;
    if (is_no_file(words) || !getcwd(here, sizeof here) ||
        (words[0] != '/' && text_equal(here, folder))) {
        text_add(out, words);
        return;
    }
    if (named[0] == '/')
        text_add(&whole, named);
    else
        text_addf(&whole, "%s/%s", strcmp(here, "/") == 0 ? "" : here, named);
    const size_t length = strlen(folder);
    const bool inside =
        strncmp(text_get(&whole), folder, length) == 0 && text_get(&whole)[length] == '/';
    if (named[0] == '/' && !inside)
        text_add(&path, named);
    else
        write_relative(text_get(&whole), folder, &path);
    text_add(out, text_get(&path));
    text_clear(&whole);
    text_clear(&path);
}

/* The option whose value stands in the word W: by its key, or the last of files that were
   given without. */
static bool is_file(const word *w, const option_set *o, size_t *value)
{
    const size_t key = parse_key_length(w);
    *value = key > 0 ? key + 1 : 0;
    for (int64_t i = 0; i < o->count; i++) {
        const option_value *v = &o->values[i];
        if (!v->given || v->row->kind != OPTION_FILE ||
            !text_equal(v->words, w->words + *value))
            continue;
        if (key == 0 ||
            (strlen(v->row->name) == key && strncmp(v->row->name, w->words, key) == 0))
            return true;
    }
    return false;
}

/* The word I, its file called from FOLDER. */
static void write_word(const sentence *w, int64_t i, const option_set *o,
                       const char *folder, text *out)
{
    size_t value = 0;
    text path = {0};
    text_add(out, " ");
    if (!is_file(&w->items[i], o, &value)) {
        const sentence one = {.items = &w->items[i], .count = 1};
        sentence_write(&one, 0, out);
        return;
    }
    text_add_bytes(out, w->items[i].words, value);
    write_path(w->items[i].words + value, folder, &path);
    lexer_quote(text_get(&path), out);
    text_clear(&path);
}

/* Does the command draw at random, and was not told from which seed?  Who goes on from a
   checkpoint has that one's. */
static bool lacks_seed(const command *c, const option_set *o)
{
    if ((c->flags & COMMAND_REST) || text_equal(c->name, "set"))
        return false;
    bool lacks = false;
    for (int64_t i = 0; i < o->count; i++) {
        const option_value *v = &o->values[i];
        if (text_equal(v->row->name, "seed") && !v->present)
            lacks = true;
        if (text_equal(v->row->name, "resume") && v->present && v->flag)
            return false;
    }
    return lacks;
}

void transcript_line(const command *c, const sentence *w, const option_set *options,
                     uint64_t seed, const char *folder, text *out)
{
    text_add(out, c->name);
    for (int64_t i = 1; i < w->count; i++)
        write_word(w, i, options, folder, out);
    if (lacks_seed(c, options))
        text_addf(out, " seed=%llu", (unsigned long long)seed);
    if (w->output) {
        text path = {0};
        write_path(w->output, folder, &path);
        text_add(out, " > ");
        lexer_quote(text_get(&path), out);
        text_clear(&path);
    }
}
