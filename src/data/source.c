/* SPDX-License-Identifier: GPL-3.0-or-later
   source.c -- the table of data sources: rows and their lookup.  It makes no data. */
#include "data/source.h"

#include "base/text.h"

static const data_source *const sources[] = {&source_gpe, &source_npz};
enum { SOURCES = sizeof sources / sizeof *sources };

const data_source *data_source_at(int i)
{
    return i >= 0 && i < SOURCES ? sources[i] : NULL;
}

const data_source *data_source_find(const char *name)
{
    for (int i = 0; i < SOURCES; i++)
        if (text_equal(sources[i]->name, name))
            return sources[i];
    return NULL;
}

char *source_origin(const data_source *source, const option_set *options, error *e)
{
    text words = {0};
    text_add(&words, source->name);
    for (int i = 0; source->options[i].name; i++) {
        const char *name = source->options[i].name;
        if (!option_given(options, name))
            continue;
        if (i < source->arguments)
            text_addf(&words, " %s", option_words(options, name));
        else
            text_addf(&words, " %s=%s", name, option_words(options, name));
    }
    char *origin = text_take(&words, e);
    text_clear(&words);
    return origin;
}
