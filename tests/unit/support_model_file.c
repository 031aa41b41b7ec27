/* SPDX-License-Identifier: GPL-3.0-or-later
   support_model_file.c -- models and the bytes of their files, for tests. */
#include "support.h"
#include "support_model_file.h"

#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "compress/prune.h"
#include "format/model_file.h"

void support_prune(model *m, double amount)
{
    error e = {0};
    prune_result r;
    if (prune_weights(m->graph, criterion_find("magnitude"), SCOPE_GLOBAL,
                      TARGET_WEIGHTS_AND_SCALES, amount, 1, &r, &e))
        fail_msg("%s", e.text);
}

unsigned char *support_file(const model *m, size_t *length)
{
    error e = {0};
    void *bytes;
    char *path = file_temporary(".safetensors", &e);
    if (model_write(m, path, &e) || file_read(path, 1 << 30, &bytes, length, &e))
        fail_msg("%s", e.text);
    unlink(path);
    memory_free(path);
    return bytes;
}

uint64_t support_header_length(const unsigned char *bytes)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | bytes[i];
    return n;
}
