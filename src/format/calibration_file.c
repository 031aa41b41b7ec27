/* SPDX-License-Identifier: GPL-3.0-or-later
   calibration_file.c -- calibrations to JSON and back.  It measures nothing. */
#include "format/calibration_file.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/field.h"

#define VERSION_KEY "lathe_calibration"
#define VERSION     2
enum { BYTES_MOST = 1 << 24, ROWS_MOST = 1 << 16, DIMENSION_MOST = 1 << 20 };

static const char *const task_words[ALGORITHM_TASKS] = {
    [ALGORITHM_FORWARD] = "forward",
    [ALGORITHM_GRAD_INPUT] = "grad_input",
    [ALGORITHM_GRAD_WEIGHT] = "grad_weight",
    [ALGORITHM_FORWARD_ONCE] = "forward_once",
};

static const struct shape_field {
    const char *name;
    size_t offset;
    int64_t least;
} shape_fields[] = {
    {"batch", offsetof(convolution, n), 1},
    {"height", offsetof(convolution, h), 1},
    {"width", offsetof(convolution, w), 1},
    {"channels", offsetof(convolution, c), 1},
    {"out_height", offsetof(convolution, out_h), 1},
    {"out_width", offsetof(convolution, out_w), 1},
    {"out_channels", offsetof(convolution, out_c), 1},
    {"kernel_height", offsetof(convolution, kernel_h), 1},
    {"kernel_width", offsetof(convolution, kernel_w), 1},
    {"stride_height", offsetof(convolution, stride_h), 1},
    {"stride_width", offsetof(convolution, stride_w), 1},
    {"padding_height", offsetof(convolution, pad_h), 0},
    {"padding_width", offsetof(convolution, pad_w), 0},
    {"dilation_height", offsetof(convolution, dilation_h), 1},
    {"dilation_width", offsetof(convolution, dilation_w), 1},
    {"groups", offsetof(convolution, groups), 1},
};
enum { SHAPE_FIELDS = sizeof shape_fields / sizeof *shape_fields };

static const struct limit_field {
    const char *name;
    size_t offset;
} limit_fields[] = {
    {"f32_multiply_adds_per_second", offsetof(calibration_limits, f32)},
    {"bf16_multiply_adds_per_second", offsetof(calibration_limits, bf16)},
    {"s8_multiply_adds_per_second", offsetof(calibration_limits, s8)},
    {"cache_bytes_per_second", offsetof(calibration_limits, cache)},
    {"memory_bytes_per_second", offsetof(calibration_limits, memory)},
    {"cache_bytes", offsetof(calibration_limits, cache_bytes)},
};
enum { LIMIT_FIELDS = sizeof limit_fields / sizeof *limit_fields };

/* The processor's name in letters, digits and single dashes. */
static void plain_name(const char *name, char *to, size_t room)
{
    size_t n = 0;
    for (; *name && n + 1 < room; name++)
        if (isalnum((unsigned char)*name))
            to[n++] = *name;
        else if (n > 0 && to[n - 1] != '-')
            to[n++] = '-';
    to[n] = '\0';
}

char *calibration_path(int threads, error *e)
{
    char name[100];
    char *folder = file_cache_folder(e);
    plain_name(cpu_model_name(), name, sizeof name);
    char *path = folder ? memory_format(e, "%s/calibration-%s-%s-%d.json", folder, name,
                                        cpu_level_name(cpu_get_level()), threads)
                        : NULL;
    memory_free(folder);
    return path;
}

/* ---- writing ---- */

static status put_row(json_t *list, const calibration_row *r, error *e)
{
    json_t *object = field_append_object(list, e);
    if (!object)
        return E_MEMORY;
    TRY(field_put(object, "method", field_from_text(r->method), e));
    TRY(field_put(object, "type", field_from_text(r->type), e));
    TRY(field_put(object, "task", json_string(task_words[r->task]), e));
    for (int i = 0; i < SHAPE_FIELDS; i++) {
        int64_t value;
        memcpy(&value, (const char *)&r->shape + shape_fields[i].offset, sizeof value);
        TRY(field_put(object, shape_fields[i].name, json_integer(value), e));
    }
    TRY(field_put(object, "density", field_from_real(r->density), e));
    TRY(field_put(object, "seconds", field_from_real(r->seconds), e));
    return field_put(object, "far_seconds", field_from_real(r->far_seconds), e);
}

static status put_calibration(json_t *object, const calibration *c, error *e)
{
    TRY(field_put(object, VERSION_KEY, json_integer(VERSION), e));
    TRY(field_put(object, "processor", field_from_text(c->cpu), e));
    TRY(field_put(object, "level", field_from_text(c->level), e));
    TRY(field_put(object, "threads", json_integer(c->threads), e));
    json_t *limits = field_put_object(object, "limits", e);
    json_t *rows = limits ? field_put_array(object, "rows", e) : NULL;
    if (!rows)
        return E_MEMORY;
    for (int i = 0; i < LIMIT_FIELDS; i++) {
        double value;
        memcpy(&value, (const char *)&c->limits + limit_fields[i].offset, sizeof value);
        TRY(field_put(limits, limit_fields[i].name, field_from_real(value), e));
    }
    for (int64_t i = 0; i < c->row_count; i++)
        TRY(put_row(rows, &c->rows[i], e));
    return E_OK;
}

static status write_words(const char *words, const char *path, error *e)
{
    atomic_file f;
    TRY(atomic_open(&f, path, e));
    fputs(words, f.stream);
    fputc('\n', f.stream);
    status s = atomic_commit(&f, e);
    atomic_abandon(&f);
    return s;
}

status calibration_write(const calibration *c, const char *path, error *e)
{
    json_t *object = json_object();
    status s = object ? put_calibration(object, c, e) : E_MEMORY;
    char *words =
        s == E_OK ? json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    if (words)
        s = write_words(words, path, e);
    else if (s == E_OK)
        s = E_MEMORY;
    if (s == E_MEMORY)
        fail(e, E_MEMORY, "%s: no room for its text", path);
    free(words);
    json_decref(object);
    return s;
}

/* ---- reading ---- */

static status get_words(const json_t *object, const char *key, char *to, size_t room,
                        error *e)
{
    const char *words;
    TRY(field_text(object, key, &words, e));
    if (!words[0] || strlen(words) >= room)
        return fail(e, E_FORMAT, "the field '%s' has %zu letters, wanted 1 to %zu", key,
                    strlen(words), room - 1);
    memcpy(to, words, strlen(words) + 1);
    return E_OK;
}

static status get_positive(const json_t *object, const char *key, double least,
                           double most, double *value, error *e)
{
    TRY(field_real(object, key, value, e));
    if (*value >= least && *value <= most)
        return E_OK;
    return fail(e, E_FORMAT, "the field '%s' is %g, wanted %g to %g", key, *value, least,
                most);
}

/* Do the sizes belong to one convolution? */
static bool is_sound(const convolution *v)
{
    int64_t high = (v->h + 2 * v->pad_h - v->dilation_h * (v->kernel_h - 1) - 1);
    int64_t wide = (v->w + 2 * v->pad_w - v->dilation_w * (v->kernel_w - 1) - 1);
    return v->c % v->groups == 0 && v->out_c % v->groups == 0 && high >= 0 && wide >= 0 &&
           high / v->stride_h + 1 == v->out_h && wide / v->stride_w + 1 == v->out_w;
}

static status get_row(const json_t *object, calibration_row *r, error *e)
{
    int task;
    *r = (calibration_row){0};
    TRY(get_words(object, "method", r->method, sizeof r->method, e));
    TRY(get_words(object, "type", r->type, sizeof r->type, e));
    TRY(field_word(object, "task", task_words, ALGORITHM_TASKS, &task, e));
    r->task = (algorithm_task)task;
    for (int i = 0; i < SHAPE_FIELDS; i++) {
        int64_t value;
        TRY(field_integer(object, shape_fields[i].name, shape_fields[i].least,
                          DIMENSION_MOST, &value, e));
        memcpy((char *)&r->shape + shape_fields[i].offset, &value, sizeof value);
    }
    if (!is_sound(&r->shape))
        return fail(e, E_FORMAT, "its sizes are of no convolution");
    TRY(get_positive(object, "density", 1e-6, 1, &r->density, e));
    TRY(get_positive(object, "seconds", 1e-12, 1e6, &r->seconds, e));
    return get_positive(object, "far_seconds", 0, 1e6, &r->far_seconds, e);
}

static status get_rows(const json_t *object, calibration *c, error *e)
{
    json_t *list;
    TRY(field_array(object, "rows", &list, e));
    size_t count = json_array_size(list);
    if (count > ROWS_MOST)
        return fail(e, E_FORMAT, "it has %zu rows, wanted at most %d", count, ROWS_MOST);
    for (size_t i = 0; i < count; i++) {
        calibration_row row;
        if (get_row(json_array_get(list, i), &row, e))
            return fail_prefix(e, "row %zu", i);
        TRY(calibration_add(c, &row, e));
    }
    return E_OK;
}

static status get_limits(const json_t *object, calibration *c, error *e)
{
    json_t *limits;
    TRY(field_object(object, "limits", &limits, e));
    for (int i = 0; i < LIMIT_FIELDS; i++) {
        double value;
        TRY(get_positive(limits, limit_fields[i].name, 0, 1e20, &value, e));
        memcpy((char *)&c->limits + limit_fields[i].offset, &value, sizeof value);
    }
    return E_OK;
}

static status get_calibration(const json_t *object, calibration *c, error *e)
{
    int64_t version, threads;
    TRY(field_integer(object, VERSION_KEY, 1, INT64_MAX, &version, e));
    if (version != VERSION)
        return fail(e, E_FORMAT, "it is of version %lld, this program reads %d",
                    (long long)version, VERSION);
    TRY(get_words(object, "processor", c->cpu, sizeof c->cpu, e));
    TRY(get_words(object, "level", c->level, sizeof c->level, e));
    TRY(field_integer(object, "threads", 1, 256, &threads, e));
    c->threads = (int)threads;
    if (!text_equal(c->cpu, cpu_model_name()) ||
        !text_equal(c->level, cpu_level_name(cpu_get_level())))
        return fail(e, E_FORMAT, "it is of another processor: %s, %s", c->cpu, c->level);
    TRY(get_limits(object, c, e));
    return get_rows(object, c, e);
}

calibration *calibration_read(const char *path, error *e)
{
    void *bytes;
    size_t length;
    json_error_t wrong;
    if (file_read(path, BYTES_MOST, &bytes, &length, e))
        return NULL;
    json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &wrong);
    calibration *c = memory_new(1, sizeof *c, e);
    status s = c ? E_OK : E_MEMORY;
    if (s == E_OK && !json_is_object(object))
        s = fail(e, E_FORMAT, "%s: no JSON object: %s", path, wrong.text);
    else if (s == E_OK && get_calibration(object, c, e))
        s = fail_prefix(e, "%s", path);
    json_decref(object);
    memory_free(bytes);
    if (s == E_OK)
        return c;
    calibration_free(c);
    return NULL;
}

calibration *calibration_find(int threads, error *note)
{
    char *path = calibration_path(threads, NULL);
    calibration *c = NULL;
    if (path && file_exists(path)) {
        c = calibration_read(path, note);
        if (!c)
            fail_hint(note, "'tune machine' measures anew");
    }
    if (c && c->threads != threads) {
        fail(note, E_FORMAT, "%s: it is of %d threads", path, c->threads);
        calibration_free(c);
        c = NULL;
    }
    memory_free(path);
    return c;
}
