/* SPDX-License-Identifier: GPL-3.0-or-later
   classes.c -- classes by name or number, renumbered as they are asked for.  It reads no
   samples. */
#include "data/classes.h"

#include <ctype.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { NAMES_BYTES_MOST = 1 << 20, NAME_MOST = 80 };

/* Lists of classes that have a name of their own. */
static const struct {
    const char *name;
    const char *classes[OPTION_LIST_MAX];
} sets[] = {
    {"household",
     {"clock", "keyboard", "lamp", "telephone", "television", "bed", "chair", "couch",
      "table", "wardrobe"}},
};

void names_free(char **names, int64_t count)
{
    for (int64_t i = 0; names && i < count; i++)
        memory_free(names[i]);
    memory_free(names);
}

/* A line without the space round it; what cannot be printed becomes '?'. */
static char *clean_line(const char *begin, const char *end, error *e)
{
    while (begin < end && isspace((unsigned char)*begin))
        begin++;
    while (end > begin && isspace((unsigned char)end[-1]))
        end--;
    if (end - begin > NAME_MOST)
        end = begin + NAME_MOST;
    char *line = memory_format(e, "%.*s", (int)(end - begin), begin);
    for (char *at = line; at && *at; at++)
        if (iscntrl((unsigned char)*at))
            *at = '?';
    return line;
}

status names_read(const char *path, int64_t most, char ***lines, int64_t *count, error *e)
{
    void *bytes;
    size_t length;
    *count = 0;
    *lines = NULL;
    TRY(file_read_regular(path, NAMES_BYTES_MOST, &bytes, &length, e));
    status result = E_OK;
    char **found = memory_new(most, sizeof *found, e);
    const char *at = bytes, *end = at + length;
    while (found && result == E_OK && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        char *line = clean_line(at, stop, e);
        at = stop + 1;
        if (line && *line && *count < most)
            found[(*count)++] = line;
        else {
            result = !line   ? E_MEMORY
                     : *line ? fail(e, E_FORMAT, "%s: more than the %lld names wanted",
                                    path, (long long)most)
                             : E_OK;
            memory_free(line);
        }
    }
    memory_free(bytes);
    if (!found || result != E_OK) {
        names_free(found, *count);
        *count = 0;
        return found ? result : E_MEMORY;
    }
    *lines = found;
    return E_OK;
}

/* The number of the class WORD, by name or index; -1 with the error. */
static int64_t find_class(const char *who, const char *word, char *const *names,
                          int64_t known, error *e)
{
    int64_t index;
    for (int64_t i = 0; names && i < known; i++)
        if (text_equal(names[i], word))
            return i;
    if (text_to_integer(word, &index)) {
        if (index >= 0 && index < known)
            return index;
        fail(e, E_RANGE, "%s: has no class %lld, only 0 to %lld", who, (long long)index,
             (long long)known - 1);
        return -1;
    }
    fail(e, E_NAME, "%s: has no class '%s'", who, word);
    const char *near =
        names ? text_nearest(word, (const char *const *)names, known) : NULL;
    if (near)
        fail_hint(e, "did you mean '%s'?", near);
    else
        fail_hint(e, names ? "classes are named as in the file beside the data, or by "
                             "index from 0"
                           : "its classes have no names: say them by index from 0");
    return -1;
}

static status want_class(class_choice *c, const char *who, const char *word,
                         char *const *names, error *e)
{
    const int64_t i = find_class(who, word, names, c->known, e);
    if (i < 0)
        return e ? e->code : E_NAME;
    if (c->label[i] >= 0)
        return fail(e, E_USAGE, "classes: '%s' is there twice", word);
    if (names && !(c->names[c->count] = memory_text(names[i], e)))
        return E_MEMORY;
    c->label[i] = c->count++;
    return E_OK;
}

/* The words of the option: as given, or those of the set that is named. */
static int64_t list_words(const option_set *options, const char *words[OPTION_LIST_MAX])
{
    const option_value *v = option_get(options, "classes");
    int64_t count = v->present ? v->count : 0;
    for (int64_t i = 0; i < count; i++)
        words[i] = v->items[i];
    for (size_t s = 0; count == 1 && s < sizeof sets / sizeof *sets; s++)
        if (text_equal(sets[s].name, words[0])) {
            for (count = 0; count < OPTION_LIST_MAX && sets[s].classes[count]; count++)
                words[count] = sets[s].classes[count];
            break;
        }
    return count;
}

status class_choice_make(class_choice *c, const char *who, const option_set *options,
                         char *const *names, int64_t known, error *e)
{
    const char *words[OPTION_LIST_MAX];
    *c = (class_choice){.known = known};
    c->label = memory_new(known, sizeof *c->label, e);
    c->names = names ? memory_new(known, sizeof *c->names, e) : NULL;
    status result = c->label && (!names || c->names) ? E_OK : E_MEMORY;
    for (int64_t i = 0; result == E_OK && i < known; i++)
        c->label[i] = -1;
    const int64_t wanted = list_words(options, words);
    for (int64_t i = 0; result == E_OK && i < wanted; i++)
        result = want_class(c, who, words[i], names, e);
    for (int64_t i = 0; result == E_OK && wanted == 0 && i < known; i++) {
        /* Two classes may have the same name: all are wanted, whatever they are called. */
        if (names && !(c->names[c->count] = memory_text(names[i], e)))
            result = E_MEMORY;
        else
            c->label[i] = c->count++;
    }
    if (result == E_OK && wanted == 1)
        result = fail(e, E_USAGE, "classes: one alone leaves nothing to tell apart");
    if (result != E_OK)
        class_choice_clear(c);
    return result;
}

void class_choice_clear(class_choice *c)
{
    names_free(c->names, c->count);
    memory_free(c->label);
    *c = (class_choice){0};
}

status class_choice_give(class_choice *c, dataset *d, const int64_t *label, error *e)
{
    d->target = tensor_new(DTYPE_F32, shape_of(2, d->count, INT64_C(1)), e);
    float *to = d->target ? tensor_write_f32(d->target, e) : NULL;
    if (!to)
        return E_MEMORY;
    for (int64_t i = 0; i < d->count; i++)
        to[i] = (float)label[i];
    d->class_count = c->count;
    d->class_names = c->names;
    c->names = NULL;
    return E_OK;
}
