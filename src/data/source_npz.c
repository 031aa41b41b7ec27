/* SPDX-License-Identifier: GPL-3.0-or-later
   source_npz.c -- the source `npz`: samples from numpy's archives.  The reading itself is
   dataset_file.c's. */
#include "data/dataset_file.h"
#include "data/source.h"

#include "base/memory.h"
#include "base/text.h"

static const option options[] = {
    {"file", OPTION_FILE, NULL, NULL, NULL, "an .npz archive"},
    {"input", OPTION_TEXT, NULL, ENTRY_DENSITY, NULL,
     "array of inputs, (N,H,W) or (N,C,H,W)"},
    {"target", OPTION_TEXT, NULL, ENTRY_GRADIENT, NULL, "array of targets, or none"},
    {"mask", OPTION_TEXT, NULL, ENTRY_MASKS, NULL,
     "array of masks, 1 where a pixel is invalid, or none"},
    {"labels", OPTION_TEXT, NULL, NULL, NULL,
     "array of N labels from 0, instead of a target"},
    {"groups", OPTION_TEXT, NULL, NULL, NULL,
     "array of group numbers (default: groups, if there is one)"},
    {"limit", OPTION_INTEGER, "1..", NULL, NULL, "read the first samples only"},
    {0},
};

static const char *unless_none(const option_set *set, const char *name)
{
    return option_is(set, name, "none") ? NULL : option_words(set, name);
}

static dataset *read_npz(const option_set *set, uint64_t seed, const task *watch,
                         error *e)
{
    dataset_layout layout = {
        .labels = option_words(set, "labels"),
        .input = option_words(set, "input"),
        .target = unless_none(set, "target"),
        .mask = unless_none(set, "mask"),
        .groups = option_words(set, "groups"),
        .limit = option_given(set, "limit") ? option_integer(set, "limit") : INT64_MAX,
    };
    error why = {0};
    if (layout.labels) { /* then target and mask, which have defaults, are left out */
        if (option_given(set, "target")) {
            fail(e, E_USAGE, "npz: target= and labels= exclude each other");
            return NULL;
        }
        layout.target = NULL;
        layout.mask = option_given(set, "mask") ? layout.mask : NULL;
    }
    dataset *d =
        dataset_read_layout(option_words(set, "file"), &layout, seed, watch, &why);
    if (!d) {
        if (why.code == E_NAME)
            fail_hint(&why, "name the arrays with input=, target= and mask=, or labels=; "
                            "target=none and mask=none do without");
        if (e)
            *e = why;
        return NULL;
    }
    char *origin = source_origin(&source_npz, set, e);
    if (!origin) {
        dataset_free(d);
        return NULL;
    }
    memory_free(d->origin);
    d->origin = origin;
    return d;
}

const data_source source_npz = {
    .name = "npz",
    .summary = "samples from arrays in numpy's archive format",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "data d npz phase.npz input=densities target=phase_gradients mask=masks",
    .read = read_npz,
};
