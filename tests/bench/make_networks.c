/* SPDX-License-Identifier: GPL-3.0-or-later
   make_networks.c -- writes the bench's networks as models that lathe loads, and images to
   calibrate their quantization on.  It measures nothing.
   usage: make_networks FOLDER [NAME[@SIZE]...]
   Writes FOLDER/NAME.safetensors and, for images, FOLDER/NAME.npz with an array `input`;
   NAME@SIZE is built for images of that height and width.  Parameters are drawn from a
   seed, or read from FOLDER/NAME.weights.npz where that is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/npy.h"
#include "format/model_file.h"
#include "tests/bench/networks.h"

enum { SEED = 1, SAMPLES = 8 };

/* Uniform in 0..1, (N,C,H,W). */
static status write_images(shape input, const char *path, error *e)
{
    static const char *const name = "input";
    tensor *t = tensor_new(
        DTYPE_F32,
        shape_of(4, (int64_t)SAMPLES, input.dim[2], input.dim[0], input.dim[1]), e);
    float *x = t ? tensor_write_f32(t, e) : NULL;
    status s = E_MEMORY;
    if (x) {
        random_stream r = random_new(SEED, "images", 0);
        random_fill_uniform(&r, x, tensor_count(t), 0, 1);
        s = npz_write(path, &name, (const tensor *const *)&t, 1, e);
    }
    tensor_free(t);
    return s;
}

static status fill(model *m, const char *weights, error *e)
{
    return access(weights, F_OK) == 0 ? network_load(m, weights, e)
                                      : network_draw(m, SEED, e);
}

static status write_network(const char *folder, const char *word, error *e)
{
    char name[64];
    const char *size = strchr(word, '@');
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "@"), word);
    const network *n = network_find(name);
    if (!n)
        return fail(e, E_NAME, "there is no network %s", name);
    model *m = network_build(n, size ? strtoll(size + 1, NULL, 10) : 0, e);
    char *weights = memory_format(e, "%s/%s.weights.npz", folder, name);
    char *model_path = memory_format(e, "%s/%s.safetensors", folder, word);
    char *images = memory_format(e, "%s/%s.npz", folder, word);
    status s = m && weights && model_path && images ? E_OK : e->code;
    if (s == E_OK)
        s = fill(m, weights, e);
    if (s == E_OK)
        s = model_write(m, model_path, e);
    if (s == E_OK && m->graph->input_shape.rank == 3)
        s = write_images(m->graph->input_shape, images, e);
    memory_free(weights);
    memory_free(model_path);
    memory_free(images);
    model_free(m);
    return s;
}

int main(int count, char **words)
{
    error e = {0};
    status s = E_OK;
    if (count < 2) {
        fprintf(stderr, "usage: make_networks FOLDER [NAME[@SIZE]...]\n");
        return 2;
    }
    for (int i = 2; i < count && s == E_OK; i++)
        s = write_network(words[1], words[i], &e);
    for (int i = 0; count == 2 && network_at(i) && s == E_OK; i++)
        s = write_network(words[1], network_at(i)->name, &e);
    if (s != E_OK)
        fprintf(stderr, "make_networks: %s\n", e.text);
    return s == E_OK ? 0 : 1;
}
