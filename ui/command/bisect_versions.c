/* SPDX-License-Identifier: GPL-3.0-or-later
   bisect_versions.c -- the versions that a model had, out of the steps of undo.  It changes
   nothing. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "ui/command/bisect.h"
#include "ui/lexer.h"

void versions_clear(versions *v)
{
    memory_free(v->items);
    *v = (versions){0};
}

static status add_version(versions *v, const model *m, const char *command, error *e)
{
    TRY(memory_grow((void **)&v->items, &v->capacity, v->count + 1, sizeof *v->items, e));
    v->items[v->count++] = (version){m, command};
    return E_OK;
}

/* NAME becomes the first model that the words of COMMAND name and that was there before
   step I of undo; that model, or NULL. */
static const model *find_parent(const session *s, int64_t i, const char *command,
                                text *name)
{
    const model *found = NULL;
    sentence words;
    size_t at = 0;
    if (lexer_next(command, &at, NULL, &words, NULL) == E_OK)
        for (int64_t k = 1; k < words.count && !found; k++) {
            const word *w = &words.items[k];
            const char *value =
                w->equals == LEXER_NONE ? w->words : w->words + w->equals + 1;
            found = session_past_model(s, value, i);
            if (found) {
                text_clear(name);
                text_add(name, value);
            }
        }
    sentence_clear(&words);
    return found;
}

static void turn_round(versions *v)
{
    for (int64_t i = 0, k = v->count - 1; i < k; i++, k--) {
        const version first = v->items[i];
        v->items[i] = v->items[k];
        v->items[k] = first;
    }
}

status versions_find(const session *s, const char *name, versions *v, error *e)
{
    const model *now = session_get_model(s, name, e);
    text known = {0};
    *v = (versions){0};
    if (!now)
        return e ? e->code : E_NAME;
    text_add(&known, name);
    status result = text_ok(&known, e);
    for (int64_t i = 0; result == E_OK && now && i < session_undo_count(s); i++) {
        const char *command = session_undo_command(s, i);
        const model *before = session_past_model(s, text_get(&known), i);
        if (!before)
            before = find_parent(s, i, command, &known);
        if (before == now)
            continue;
        result = add_version(v, now, command, e);
        now = before;
    }
    if (result == E_OK && now)
        result = add_version(v, now, NULL, e);
    turn_round(v);
    text_clear(&known);
    return result;
}
