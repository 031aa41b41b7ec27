/* SPDX-License-Identifier: GPL-3.0-or-later
   tune_machine.c -- `tune machine`: measures, keeps the file, and shows for each method how
   far it came.  It measures nothing itself. */
#include "ui/command/tune.h"

#include <math.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "format/calibration_file.h"
#include "measure/calibrate.h"

/* The time for the grid, of under a minute in all. */
#define GRID_SECONDS 50.0

static double multiply_adds(const calibration_row *r)
{
    const convolution *v = &r->shape;
    return (double)(v->n * v->out_h * v->out_w * v->out_c * v->kernel_h * v->kernel_w *
                    (v->c / v->groups)) *
           r->density;
}

static double limit_of(const calibration *c, const char *type)
{
    return text_equal(type, "s8")     ? c->limits.s8
           : text_equal(type, "bf16") ? c->limits.bf16
                                      : c->limits.f32;
}

static bool same_group(const calibration_row *a, const calibration_row *b)
{
    return a->task == b->task && text_equal(a->type, b->type) &&
           text_equal(a->method, b->method);
}

static bool was_before(const calibration *c, int64_t at)
{
    for (int64_t i = 0; i < at; i++)
        if (same_group(&c->rows[i], &c->rows[at]))
            return true;
    return false;
}

static void put_group(table *t, const calibration *c, int64_t at)
{
    static const char *const tasks[ALGORITHM_TASKS] = {
        [ALGORITHM_FORWARD] = "forward",
        [ALGORITHM_GRAD_INPUT] = "gradient by input",
        [ALGORITHM_GRAD_WEIGHT] = "gradient by weight",
        [ALGORITHM_FORWARD_ONCE] = "forward once",
    };
    const calibration_row *first = &c->rows[at];
    double best = 0;
    int64_t shapes = 0;
    for (int64_t i = at; i < c->row_count; i++)
        if (same_group(&c->rows[i], first)) {
            shapes++;
            best = fmax(best, multiply_adds(&c->rows[i]) / c->rows[i].seconds);
        }
    table_row(t);
    table_text(t, "method", first->method);
    table_text(t, "type", first->type);
    table_text(t, "task", tasks[first->task]);
    table_integer(t, "shapes", shapes);
    table_real(t, "best_gflops", 2e-9 * best);
    rows_put_real(t, "limit_gflops", 2e-9 * limit_of(c, first->type));
    rows_put_real(t, "share", best / limit_of(c, first->type));
}

static void put_calibration(call *c, const calibration *k, const char *path, int shapes,
                            int all)
{
    for (int64_t i = 0; i < k->row_count; i++)
        if (!was_before(k, i))
            put_group(c->rows, k, i);
    rows_note(c,
              "tune: %d threads, %s; at most %.4g GFLOP/s f32, %.4g bf16, %.4g s8; reads "
              "%.4g GB/s from the second-level cache, %.4g GB/s from memory",
              k->threads, k->level, 2e-9 * k->limits.f32, 2e-9 * k->limits.bf16,
              2e-9 * k->limits.s8, 1e-9 * k->limits.cache, 1e-9 * k->limits.memory);
    if (shapes < all)
        rows_note(c, "tune: the time was over after %d of %d shapes", shapes, all);
    if (k->threads != cpu_cores())
        rows_note(c,
                  "tune: plans choose by the measurements with %d threads; these give "
                  "'plan' its limits with %d",
                  cpu_cores(), k->threads);
    rows_note(c, "tune: kept in %s", path);
}

status tune_machine(call *c, error *e)
{
    static const char *const of_models[] = {"batch", "data",  "lab",
                                            "as",    "split", "samples"};
    for (size_t i = 0; i < sizeof of_models / sizeof *of_models; i++)
        if (option_given(&c->options, of_models[i]))
            return fail(e, E_USAGE, "tune: %s= is of a model, not of the machine",
                        of_models[i]);
    const option_value *budget = option_get(&c->options, "budget");
    int shapes, all;
    char *path = calibration_path(cpu_threads(), e);
    if (!path)
        return e->code;
    calibration *k = calibrate_machine(budget->given ? budget->real : GRID_SECONDS,
                                       c->task, &shapes, &all, e);
    status s = k ? calibration_write(k, path, e) : e->code;
    if (s == E_OK) {
        put_calibration(c, k, path, shapes, all);
        calibration_keep(k);
    } else {
        calibration_free(k);
    }
    memory_free(path);
    return s;
}
