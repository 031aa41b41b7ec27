/* SPDX-License-Identifier: GPL-3.0-or-later
   architecture.c -- the table of architectures, and what is the same in building any of
   them: initial values and a record of how the model was asked for. */
#include "zoo/architecture.h"

#include <string.h>

#include "base/memory.h"

static const architecture *const rows[] = {
    &arch_unet_phase,        &arch_unet_sid,       &arch_unet_light,
    &arch_unet_lighter,      &arch_unet_fire,      &arch_vgg,
    &arch_cnn_mnist,         &arch_cnn_simple,     &arch_cnn_enhanced,
    &arch_mobilenetv3_small, &arch_mobilenet_tiny, &arch_swae_mlp,
    &arch_swae_gmlp,         &arch_swae_conv,      &arch_lenet_5,
    &arch_resnet_18,         &arch_resnet_20,      &arch_mobilenetv2,
};

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

int architecture_latent(const model *m)
{
    const architecture *a = m->architecture ? architecture_find(m->architecture) : NULL;
    int latent = -1;
    if (!a || !a->encoder)
        return -1;
    for (int i = 0; i < m->graph->node_count; i++)
        if (strncmp(m->graph->nodes[i].name, a->encoder, strlen(a->encoder)) == 0)
            latent = m->graph->nodes[i].output;
    return latent;
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

/* Built, with the record of how it was asked for. */
static model *outline(const architecture *a, const option_set *options, error *e)
{
    model *m = a->build(options, e);
    if (!m)
        return NULL;
    memory_free(m->architecture);
    memory_free(m->options);
    m->architecture = memory_text(a->name, e);
    m->options = given_options(a, options, e);
    if (!m->architecture || !m->options) {
        model_free(m);
        return NULL;
    }
    return m;
}

model *architecture_build(const architecture *a, const option_set *options, uint64_t seed,
                          error *e)
{
    model *m = outline(a, options, e);
    if (!m)
        return NULL;
    m->seed = seed;
    if (graph_initialize(m->graph, a->first_weights, seed, e) != E_OK) {
        model_free(m);
        return NULL;
    }
    return m;
}

/* "key=words key=words", taken apart in place. */
static status put_words(option_set *set, char *words, error *e)
{
    char *rest = NULL;
    for (char *key = strtok_r(words, " ", &rest); key; key = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(key, '=');
        if (!equals)
            return fail(e, E_USAGE, "'%.80s' is no option, wanted key=value", key);
        *equals = '\0';
        TRY(option_set_put(set, key, equals + 1, e));
    }
    return E_OK;
}

model *architecture_outline(const architecture *a, const char *options, error *e)
{
    option_set set;
    model *m = NULL;
    char *words = memory_text(options, e);
    if (!words)
        return NULL;
    if (option_set_init(&set, a->options, NULL, e) == E_OK) {
        if (put_words(&set, words, e) == E_OK)
            m = outline(a, &set, e);
        option_set_clear(&set);
    }
    memory_free(words);
    return m;
}
