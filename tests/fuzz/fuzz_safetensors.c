/* SPDX-License-Identifier: GPL-3.0-or-later
   fuzz_safetensors.c -- models and checkpoints from strangers: any bytes give a sound
   model, which also runs, or an error; nothing else.  As it stands it replays the files
   that are its arguments; with libFuzzer:
   clang -DFUZZ_SEARCH -fsanitize=fuzzer,address,undefined. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/memory.h"
#include "engine/plan.h"
#include "format/model_file.h"

#define ELEMENTS_MOST 100000 /* of a value, so that a run ends soon */
#define PRODUCTS_MOST 10000000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int is_small(const graph *g)
{
    error e = {0};
    shape *shapes = memory_new(g->value_count, sizeof *shapes, &e);
    int small = shapes && graph_shapes(g, 1, g->input_shape, shapes, &e) == E_OK &&
                graph_multiply_adds(g, g->input_shape, &e) <= PRODUCTS_MOST;
    for (int i = 0; small && i < g->value_count; i++)
        small = shape_count(shapes[i]) <= ELEMENTS_MOST;
    memory_free(shapes);
    return small;
}

static void run_model(const model *m)
{
    error e = {0};
    if (!is_small(m->graph))
        return;
    plan *p = plan_new_inference(m->graph, 1, m->graph->input_shape, &e);
    if (p && plan_start(p, &e) == E_OK) {
        memset(plan_input(p), 0,
               (size_t)shape_count(m->graph->input_shape) * sizeof(float));
        plan_forward(p, 0, 0, &e);
    }
    plan_free(p);
}

static void read_checkpoint(const char *path)
{
    error e = {0};
    train_state s;
    train_settings t;
    char *command;
    checkpoint_read(path, &s, &t, &command, &e);
    memory_free(command);
    train_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    error e = {0};
    char path[64];
    model *m = model_parse(bytes, length, "bytes", &e);
    if (m)
        run_model(m);
    model_free(m);
    const int file = memfd_create("fuzz", MFD_CLOEXEC);
    if (file < 0)
        return 0;
    if (write(file, bytes, length) == (ssize_t)length) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        read_checkpoint(path);
    }
    close(file);
    return 0;
}

#ifndef FUZZ_SEARCH
int main(int count, char **paths)
{
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        uint8_t *bytes = malloc(1 << 22);
        const size_t length = file && bytes ? fread(bytes, 1, 1 << 22, file) : 0;
        if (!file || !bytes || ferror(file)) {
            fprintf(stderr, "fuzz_safetensors: %s: cannot be read\n", paths[i]);
            return 1;
        }
        fclose(file);
        uint8_t *exact =
            malloc(length ? length : 1); /* sanitizers see one byte too many */
        if (!exact)
            return 1;
        memcpy(exact, bytes, length);
        LLVMFuzzerTestOneInput(exact, length);
        free(exact);
        free(bytes);
    }
    printf("%d files replayed\n", count - 1);
    return 0;
}
#endif
