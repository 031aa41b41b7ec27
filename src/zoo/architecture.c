/* SPDX-License-Identifier: GPL-3.0-or-later
   architecture.c -- the table of architectures, and what is the same in building any of
   them: initial values and a record of how the model was asked for. */
#include "zoo/architecture.h"

#include <string.h>

#include "base/memory.h"

static const architecture *const rows[] = {&arch_unet_phase};

const architecture *architecture_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof rows[0]) ? rows[i] : NULL;
}

const architecture *architecture_find(const char *name)
{
    for (int i = 0; architecture_at(i); i++)
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
    return NULL;
}

/* "levels=4 size=64": the architecture's options that were given; the caller frees. */
static char *given_options(const architecture *a, const option_set *options, error *e)
{
    text words = {0};
    for (const option *o = a->options; o && o->name; o++)
        if (option_given(options, o->name))
            text_addf(&words, "%s%s=%s", words.length ? " " : "", o->name,
                      option_words(options, o->name));
    if (words.length == 0)
        text_add(&words, "");
    return text_take(&words, e);
}

model *architecture_build(const architecture *a, const option_set *options, uint64_t seed,
                          error *e)
{
    model *m = a->build(options, e);
    if (!m)
        return NULL;
    memory_free(m->architecture);
    memory_free(m->options);
    m->architecture = memory_text(a->name, e);
    m->options = given_options(a, options, e);
    m->seed = seed;
    if (!m->architecture || !m->options || graph_initialize(m->graph, seed, e) != E_OK) {
        model_free(m);
        return NULL;
    }
    return m;
}
