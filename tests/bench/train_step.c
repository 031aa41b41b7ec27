/* SPDX-License-Identifier: GPL-3.0-or-later
   train_step.c -- times whole training steps of unet-phase (forward, masked-mse,
   backward, Adam) and prints one JSON object.
   usage: train_step [STEPS [BATCH [SIZE [f32|bf16]]]]; defaults 5, 8, 200, f32. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "train/trainer.h"
#include "zoo/architecture.h"

static dataset *make_data(int64_t count, int64_t size, error *e)
{
    dataset *d = dataset_new(e);
    if (!d)
        return NULL;
    d->count = count;
    d->source = memory_text("bench", e);
    d->origin = memory_text("bench", e);
    d->input = tensor_new(DTYPE_F32, shape_of(4, count, size, size, (int64_t)1), e);
    d->target = tensor_new(DTYPE_F32, shape_of(4, count, size, size, (int64_t)2), e);
    d->mask = tensor_new(DTYPE_U8, shape_of(4, count, size, size, (int64_t)1), e);
    d->split = memory_new(count, sizeof *d->split, e);
    if (!d->source || !d->origin || !d->input || !d->target || !d->mask || !d->split) {
        dataset_free(d);
        return NULL;
    }
    random_stream r = random_new(1, "bench", 0);
    random_fill_uniform(&r, tensor_write_f32(d->input, e), tensor_count(d->input), 0, 1);
    random_fill_uniform(&r, tensor_write_f32(d->target, e), tensor_count(d->target), -1,
                        1);
    for (int64_t i = 0; i < count; i++)
        d->split[i] = SPLIT_TRAIN;
    return d;
}

static model *make_model(int64_t size, error *e)
{
    option_set options;
    char words[32];
    model *m = NULL;
    snprintf(words, sizeof words, "%lld", (long long)size);
    if (option_set_init(&options, arch_unet_phase.options, NULL, e) != E_OK)
        return NULL;
    if (option_set_put(&options, "size", words, e) == E_OK)
        m = architecture_build(&arch_unet_phase, &options, 1, e);
    option_set_clear(&options);
    return m;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static status run_steps(train_state *s, const train_settings *t, const dataset *d,
                        double *ms, int64_t steps, double *loss, error *e)
{
    int64_t *index, n;
    TRY(dataset_split_index(d, SPLIT_TRAIN, &index, &n, e));
    status code = E_OK;
    /* Two steps first, to touch all memory. */
    for (int64_t i = -2; i < steps && code == E_OK; i++) {
        if (i == 0)
            s->times = (train_times){0};
        double began = task_clock();
        code = train_step(s, t, d, index, n, loss, e);
        if (i >= 0)
            ms[i] = 1e3 * (task_clock() - began);
    }
    memory_free(index);
    return code;
}

static status bench(int64_t steps, int64_t batch, int64_t size, precision p, error *e)
{
    train_settings t = {.epochs = 1, .batch = batch, .seed = 1, .precision = p};
    t.loss = loss_find("masked-mse");
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.schedule = schedule_find("constant");
    train_state s = {0};
    double loss = 0, *ms = memory_new(steps, sizeof *ms, e);
    dataset *d = make_data(batch, size, e);
    model *m = make_model(size, e);
    status code = ms && d && m ? train_start(&s, m, &t, e) : E_MEMORY;
    if (code == E_OK)
        code = run_steps(&s, &t, d, ms, steps, &loss, e);
    if (code == E_OK) {
        qsort(ms, (size_t)steps, sizeof *ms, ascending);
        printf("{\"bench\": \"train_step\", \"architecture\": \"unet-phase\", "
               "\"precision\": \"%s\", \"batch\": %lld, \"size\": %lld, \"threads\": %d, "
               "\"cpu\": \"%s\", "
               "\"steps\": %lld, \"median_ms\": %.2f, \"p10_ms\": %.2f, "
               "\"p90_ms\": %.2f, \"forward_ms\": %.2f, \"backward_ms\": %.2f, "
               "\"update_ms\": %.2f, \"peak_bytes\": %zu, \"resident_bytes\": %zu, "
               "\"loss\": %.6g}\n",
               precision_name(p), (long long)batch, (long long)size, cpu_threads(),
               cpu_level_name(cpu_get_level()), (long long)steps, ms[steps / 2],
               ms[steps / 10], ms[steps - 1 - steps / 10],
               1e3 * s.times.forward / (double)steps,
               1e3 * s.times.backward / (double)steps,
               1e3 * s.times.update / (double)steps, memory_peak(),
               memory_resident_peak(), loss);
    }
    train_clear(&s);
    model_free(m);
    dataset_free(d);
    memory_free(ms);
    return code;
}

int main(int argc, char **argv)
{
    long long numbers[3] = {5, 8, 200};
    error e = {0};
    precision p = precision_find(argc > 4 ? argv[4] : "f32");
    for (int i = 1; i < argc && i <= 3; i++)
        numbers[i - 1] = strtoll(argv[i], NULL, 10);
    if (argc > 5 || numbers[0] < 1 || numbers[1] < 1 || numbers[2] < 1) {
        fprintf(stderr, "usage: train_step [STEPS [BATCH [SIZE [f32|bf16]]]]\n");
        return 2;
    }
    if (cpu_start(&e) != E_OK ||
        bench(numbers[0], numbers[1], numbers[2], p, &e) != E_OK) {
        fprintf(stderr, "train_step: %s\n", e.text);
        return 1;
    }
    return 0;
}
