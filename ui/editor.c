/* SPDX-License-Identifier: GPL-3.0-or-later
   editor.c -- Readline with our completion, history and help on the word under the cursor.
   What the words mean is not its business. */
#include "ui/editor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <readline/history.h>
#include <readline/readline.h>
#include "base/file.h"
#include "base/memory.h"
#include "ui/command/parse.h"
#include "ui/complete.h"
#include "ui/lexer.h"
#include "ui/manual.h"

enum { HISTORY_LINES = 10000 };

static struct {
    const editor_place *place;
    char *history; /* its file, or NULL */
    completions found;
    int64_t given; /* of them */
} editor;

/* ---- completion ---- */

static char *next_completion(const char *word, int again)
{
    (void)word;
    if (!again)
        editor.given = 0;
    return editor.given < editor.found.count ? strdup(editor.found.words[editor.given++])
                                             : NULL;
}

static char **complete(const char *word, int begin, int end)
{
    const editor_place *p = editor.place;
    char **matches = NULL;
    if (complete_line(p->borrow(p->context), rl_line_buffer, (size_t)begin, (size_t)end,
                      &editor.found, NULL) == E_OK)
        matches = rl_completion_matches(word, next_completion);
    p->give_back(p->context);
    /* Without words of ours, readline completes the names of files. */
    rl_attempted_completion_over = matches || !editor.found.files;
    if (matches && !matches[1] && text_ends(matches[0], "="))
        rl_completion_suppress_append = 1;
    completions_clear(&editor.found);
    return matches;
}

/* ---- help on the word under the cursor ---- */

static void describe(const char *line, text *out)
{
    int columns = editor.place->columns(editor.place->context);
    size_t at = 0;
    sentence w = {0};
    const command *c = NULL;
    const char *key = NULL;
    if (lexer_next(line, &at, NULL, &w, NULL) == E_OK && w.count > 0)
        c = parse_command(w.items[0].words, true, NULL);
    word *last = w.count > 0 ? &w.items[w.count - 1] : NULL;
    if (last && parse_key_length(last) > 0) {
        last->words[last->equals] = '\0';
        key = last->words;
    }
    if (!c)
        manual_overview(columns, out);
    else if (manual_page(c, key, columns, out, NULL) != E_OK)
        manual_page(c, NULL, columns, out, NULL);
    sentence_clear(&w);
}

static int help_key(int count, int key)
{
    text page = {0};
    (void)count;
    (void)key;
    char *before = memory_format(NULL, "%.*s", rl_point, rl_line_buffer);
    const char *line = before ? before : "";
    for (const char *p = line; (p = strchr(p, ';'));)
        line = ++p;
    describe(line, &page);
    memory_free(before);
    editor.place->show(editor.place->context, &page);
    text_clear(&page);
    return 0;
}

/* ---- history ---- */

static void open_history(void)
{
    error e = {0};
    char *folder = file_state_folder(&e);
    using_history();
    stifle_history(HISTORY_LINES);
    if (folder && file_make_folder(folder, &e) == E_OK)
        editor.history = memory_format(&e, "%s/history", folder);
    memory_free(folder);
    int descriptor =
        editor.history ? open(editor.history, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (descriptor < 0) {
        fprintf(stderr, "lathe: the history of commands is not kept: %s\n",
                editor.history ? strerror(errno) : e.text);
        memory_free(editor.history);
        editor.history = NULL;
        return;
    }
    close(descriptor);
    read_history(editor.history);
}

/* What was edited of its lines hangs on them, and clear_history leaves it. */
static void free_edits(void)
{
    HIST_ENTRY **lines = history_list();
    for (int k = 0; lines && lines[k]; k++) {
        rl_undo_list = lines[k]->data;
        if (rl_undo_list)
            rl_free_undo_list();
        lines[k]->data = NULL;
    }
}

static void close_history(void)
{
    free_edits();
    if (editor.history)
        history_truncate_file(editor.history, HISTORY_LINES);
    memory_free(editor.history);
    editor.history = NULL;
    clear_history();
}

/* Nothing twice in a row. */
void editor_remember(const char *line)
{
    HIST_ENTRY *last =
        history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    if (!line[strspn(line, " \t")] || (last && text_equal(last->line, line)))
        return;
    add_history(line);
    if (editor.history)
        append_history(1, editor.history);
}

const char *editor_past(int64_t back)
{
    if (back >= history_length)
        return NULL;
    const HIST_ENTRY *entry = history_get(history_base + history_length - 1 - (int)back);
    return entry ? entry->line : NULL;
}

/* ---- keys ---- */

/* An arrow key searches by what is typed, unless the user has bound it otherwise. */
static void bind_search(const char *bytes, const char *key, rl_command_func_t *standard,
                        rl_command_func_t *search)
{
    if (rl_function_of_keyseq(bytes, NULL, NULL) == standard)
        rl_bind_keyseq(key, search);
}

/* A terminal's answer that comes after nobody waits for it any more is no line of the
   user's: one ends with a letter, one with a string's end. */
static int pass_attributes(int count, int key)
{
    (void)count;
    for (key = rl_read_key(); (key >= '0' && key <= '9') || key == ';';)
        key = rl_read_key();
    return 0;
}

static int pass_string(int count, int key)
{
    (void)count;
    int before;
    do {
        before = key;
        key = rl_read_key();
    } while (key > 0 && !(before == '\033' && key == '\\'));
    return 0;
}

static void start_readline(void)
{
    rl_readline_name = "lathe"; /* for "$if lathe" in ~/.inputrc */
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = COMPLETE_BREAKS;
    rl_completer_quote_characters = "\"'";
    rl_filename_quote_characters = " \t;#$>\"'\\=,";
    rl_initialize();
    bind_search("\033[A", "\\e[A", rl_get_previous_history, rl_history_search_backward);
    bind_search("\033OA", "\\eOA", rl_get_previous_history, rl_history_search_backward);
    bind_search("\033[B", "\\e[B", rl_get_next_history, rl_history_search_forward);
    bind_search("\033OB", "\\eOB", rl_get_next_history, rl_history_search_forward);
    rl_bind_keyseq_if_unbound("\\e[?", pass_attributes);
    rl_bind_keyseq_if_unbound("\\e[6;", pass_attributes);
    rl_bind_keyseq_if_unbound("\\e_Gi=31;", pass_string);
    rl_bind_keyseq_if_unbound("\\eOP", help_key);
    rl_bind_keyseq_if_unbound("\\e[11~", help_key);
}

const editor_place *editor_open(const editor_place *p)
{
    const editor_place *before = editor.place;
    editor.place = p;
    if (!before) {
        start_readline();
        open_history();
    }
    return before;
}

void editor_close(const editor_place *before)
{
    editor.place = before;
    if (!before)
        close_history();
}
