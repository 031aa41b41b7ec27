/* SPDX-License-Identifier: GPL-3.0-or-later
   prefetch.c -- batches gathered ahead, in a ring of a few.  How a batch is made is
   batch.c's business. */
#include "data/prefetch.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"

enum { AHEAD = 2 }; /* batches that may be ready */

typedef struct slot {
    float *input, *target, *valid; /* NULL where the dataset has none */
} slot;

struct prefetch {
    prefetch_epoch epoch;
    transform transform;
    augmentation augment;
    int64_t input, target; /* numbers of a sample */
    slot slots[AHEAD];
    pthread_t thread;
    pthread_mutex_t lock; /* for what is below */
    pthread_cond_t changed;
    int64_t ready, taken; /* batches */
    bool end;             /* no more batches are wanted, or can be made */
};

static int64_t batch_begin(const prefetch *p, int64_t i)
{
    return i > 0 ? p->epoch.ends[i - 1] : 0;
}

static status gather(const prefetch *p, int64_t i)
{
    const prefetch_epoch *w = &p->epoch;
    const slot *s = &p->slots[i % AHEAD];
    const int64_t begin = batch_begin(p, i), n = w->ends[i] - begin;
    if (!augmentation_is_none(&p->augment))
        return dataset_batch_augmented(w->d, &p->transform, &p->augment, w->seed,
                                       w->epoch, w->index + begin, n, s->input, s->target,
                                       s->valid, NULL);
    return dataset_batch(w->d, &p->transform, w->index + begin, n, s->input, s->target,
                         s->valid, NULL);
}

static void *run(void *context)
{
    prefetch *p = context;
    parallel_stay_alone();
    pthread_mutex_lock(&p->lock);
    while (!p->end && p->ready < p->epoch.batches) {
        if (p->ready - p->taken == AHEAD) {
            pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        const int64_t i = p->ready;
        pthread_mutex_unlock(&p->lock);
        const status result = gather(p, i);
        pthread_mutex_lock(&p->lock);
        p->end = p->end || result != E_OK;
        p->ready += result == E_OK;
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static bool is_spilled(const tensor *t)
{
    return t && tensor_is_spilled(t);
}

/* Where samples are copied as they are, handing them over takes as long. */
static bool is_worthwhile(const prefetch_epoch *w)
{
    const dataset *d = w->d;
    return is_spilled(d->input) || is_spilled(d->target) || is_spilled(d->mask) ||
           !augmentation_is_none(w->augment) || w->transform->height > 0 ||
           w->transform->kind == TRANSFORM_LOG ||
           w->transform->kind == TRANSFORM_BLOCK_LOG;
}

static status make_slots(prefetch *p, error *e)
{
    const dataset *d = p->epoch.d;
    int64_t most = 0;
    for (int64_t i = 0; i < p->epoch.batches; i++) {
        const int64_t n = p->epoch.ends[i] - batch_begin(p, i);
        most = n > most ? n : most;
    }
    for (int i = 0; i < AHEAD; i++) {
        slot *s = &p->slots[i];
        s->input = memory_new_raw(most * p->input, sizeof(float), e);
        if (d->target)
            s->target = memory_new_raw(most * p->target, sizeof(float), e);
        if (d->target && d->mask)
            s->valid = memory_new_raw(most * p->target, sizeof(float), e);
        if (!s->input || (d->target && (!s->target || (d->mask && !s->valid))))
            return E_MEMORY;
    }
    return E_OK;
}

static void free_all(prefetch *p)
{
    for (int i = 0; i < AHEAD; i++) {
        memory_free(p->slots[i].input);
        memory_free(p->slots[i].target);
        memory_free(p->slots[i].valid);
    }
    memory_free(p);
}

/* Signals are the caller's to hear. */
static bool start_thread(prefetch *p)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    const bool started = pthread_create(&p->thread, NULL, run, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        return true;
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    return false;
}

status prefetch_start(prefetch **out, const prefetch_epoch *w, error *e)
{
    *out = NULL;
    if (!is_worthwhile(w) || augmentation_check(w->augment, w->d, NULL) != E_OK)
        return E_OK;
    prefetch *p = memory_new(1, sizeof *p, e);
    if (!p)
        return E_MEMORY;
    p->epoch = *w;
    p->transform = *w->transform;
    p->augment = *w->augment;
    p->input = shape_count(batch_input_shape(w->d, w->transform));
    p->target = w->d->target ? shape_count(batch_target_shape(w->d, w->transform)) : 0;
    if (make_slots(p, e) != E_OK) {
        free_all(p);
        return E_MEMORY;
    }
    if (start_thread(p))
        *out = p;
    else
        free_all(p); /* it is only slower without */
    return E_OK;
}

static void copy(float *to, const float *from, int64_t count)
{
    if (to && from)
        memcpy(to, from, (size_t)count * sizeof *to);
}

bool prefetch_take(prefetch *p, const int64_t *index, int64_t n, float *input,
                   float *target, float *valid)
{
    if (!p)
        return false;
    pthread_mutex_lock(&p->lock);
    const int64_t i = p->taken, begin = batch_begin(p, i);
    p->end = p->end || i >= p->epoch.batches || index != p->epoch.index + begin ||
             n != p->epoch.ends[i] - begin;
    while (p->ready <= i && !p->end)
        pthread_cond_wait(&p->changed, &p->lock);
    const bool there = p->ready > i && !p->end;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (!there)
        return false;
    const slot *s = &p->slots[i % AHEAD];
    copy(input, s->input, n * p->input);
    copy(target, s->target, n * p->target);
    copy(valid, s->valid, n * p->target);
    pthread_mutex_lock(&p->lock);
    p->taken++;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return true;
}

void prefetch_stop(prefetch *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->end = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free_all(p);
}
