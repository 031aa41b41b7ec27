/* SPDX-License-Identifier: GPL-3.0-or-later
   prefetch.c -- touches the pages of samples before they are needed.  It never changes a
   byte of them. */
#include "data/prefetch.h"

#include <pthread.h>
#include <stdatomic.h>
#include "base/memory.h"

enum { PAGE = 4096 };

struct prefetch {
    const dataset *d;
    pthread_t thread;
    pthread_mutex_t lock; /* for what is below */
    pthread_cond_t wake;
    const int64_t *index;
    int64_t n;
    uint64_t order; /* calls of prefetch_want */
    bool end;
    atomic_llong count;
    atomic_uint seen; /* keeps the reads from being left out */
};

/* A byte of each page that sample I of T is on. */
static unsigned touch(const tensor *t, int64_t samples, int64_t i)
{
    if (!t)
        return 0;
    const size_t size = tensor_bytes(t) / (size_t)samples;
    const volatile uint8_t *bytes = tensor_data(t);
    unsigned sum = 0;
    bytes += (size_t)i * size;
    for (size_t at = 0; at < size; at += PAGE)
        sum += bytes[at];
    return size > 0 ? sum + bytes[size - 1] : sum;
}

static bool is_wanted(prefetch *p, uint64_t order)
{
    pthread_mutex_lock(&p->lock);
    const bool wanted = p->order == order && !p->end;
    pthread_mutex_unlock(&p->lock);
    return wanted;
}

static void bring(prefetch *p, const int64_t *index, int64_t n, uint64_t order)
{
    const dataset *d = p->d;
    for (int64_t i = 0; i < n && is_wanted(p, order); i++) {
        const unsigned sum = touch(d->input, d->count, index[i]) +
                             touch(d->target, d->count, index[i]) +
                             touch(d->mask, d->count, index[i]);
        atomic_fetch_add(&p->seen, sum);
        atomic_fetch_add(&p->count, 1);
    }
}

static void *run(void *context)
{
    prefetch *p = context;
    uint64_t done = 0;
    pthread_mutex_lock(&p->lock);
    while (!p->end) {
        if (p->order == done) {
            pthread_cond_wait(&p->wake, &p->lock);
            continue;
        }
        const int64_t *index = p->index;
        const int64_t n = p->n;
        done = p->order;
        pthread_mutex_unlock(&p->lock);
        bring(p, index, n, done);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static bool is_spilled(const tensor *t)
{
    return t && tensor_is_spilled(t);
}

status prefetch_start(prefetch **out, const dataset *d, error *e)
{
    *out = NULL;
    if (!is_spilled(d->input) && !is_spilled(d->target) && !is_spilled(d->mask))
        return E_OK;
    prefetch *p = memory_new(1, sizeof *p, e);
    if (!p)
        return E_MEMORY;
    p->d = d;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        memory_free(p);
        return E_OK; /* it is only slower without */
    }
    *out = p;
    return E_OK;
}

void prefetch_want(prefetch *p, const int64_t *index, int64_t n)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->index = index;
    p->n = n;
    p->order++;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

int64_t prefetch_count(const prefetch *p)
{
    return p ? atomic_load(&p->count) : 0;
}

void prefetch_stop(prefetch *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->end = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    memory_free(p);
}
