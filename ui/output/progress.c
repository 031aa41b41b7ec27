/* SPDX-License-Identifier: GPL-3.0-or-later
   progress.c -- draws how far long work is: at most ten times a second, never wider than
   the terminal.  It decides nothing about the work. */
#include "ui/output/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "ui/output/terminal.h"

enum { SPARK_CELLS = 12, BAR_CELLS = 10 };

#define REDRAW_SECONDS 0.1
#define LONG_STAGE     1.0 /* seconds: shorter ones without epochs are not logged */

/* ---- what is remembered ---- */

static double share_of(const progress *p)
{
    double part = p->total > 0 ? (double)p->done / (double)p->total : 0;
    if (p->epochs > 0)
        part = ((double)(p->epoch - 1) + part) / (double)p->epochs;
    return fmin(fmax(part, 0), 1);
}

/* Within epochs a change of stage (train, validate) is no new beginning. */
static bool is_new_stage(const progress_view *v, const progress *p)
{
    if (p->epochs > 0 && p->epochs == v->epochs && share_of(p) > 0)
        return false;
    return strncmp(v->stage, p->stage ? p->stage : "", sizeof v->stage - 1) != 0 ||
           share_of(p) < v->share;
}

static void begin_stage(progress_view *v, const progress *p, double now)
{
    snprintf(v->stage, sizeof v->stage, "%s", p->stage ? p->stage : "");
    v->epochs = p->epochs;
    v->began = now;
    v->first = v->share = share_of(p);
    v->loss_count = v->pending = 0;
    v->pending_sum = 0;
    v->span = 1;
}

/* Keeps the whole course in few numbers: full, neighbours are joined. */
static void add_loss(progress_view *v, double loss)
{
    if (!isfinite(loss))
        return;
    v->pending_sum += loss;
    if (++v->pending < v->span)
        return;
    if (v->loss_count == PROGRESS_LOSSES) {
        for (int i = 0; i < PROGRESS_LOSSES / 2; i++)
            v->losses[i] = (v->losses[2 * i] + v->losses[2 * i + 1]) / 2;
        v->loss_count = PROGRESS_LOSSES / 2;
        v->span *= 2;
    }
    v->losses[v->loss_count++] = v->pending_sum / (double)v->pending;
    v->pending_sum = 0;
    v->pending = 0;
}

void progress_take(progress_view *v, const progress *p, double now)
{
    if (v->began == 0 || is_new_stage(v, p))
        begin_stage(v, p, now);
    v->share = fmax(v->share, share_of(p));
    add_loss(v, p->loss);
}

/* ---- pieces of the line ---- */

/* The course of the loss, on a logarithmic scale where it can be. */
static void add_sparkline(const progress_view *v, text *out)
{
    static const char *const steps[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    if (!v->style.unicode || v->loss_count < 2)
        return;
    int64_t cells = v->loss_count < SPARK_CELLS ? v->loss_count : SPARK_CELLS;
    double value[SPARK_CELLS], low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < cells; i++) {
        int64_t from = i * v->loss_count / cells, to = (i + 1) * v->loss_count / cells;
        double sum = 0;
        for (int64_t j = from; j < to; j++)
            sum += v->losses[j];
        value[i] = sum / (double)(to - from);
        low = fmin(low, value[i]);
        high = fmax(high, value[i]);
    }
    bool logarithmic = low > 0;
    double bottom = logarithmic ? log(low) : low, top = logarithmic ? log(high) : high;
    for (int64_t i = 0; i < cells; i++) {
        double x = logarithmic ? log(value[i]) : value[i];
        int step = top > bottom ? (int)((x - bottom) / (top - bottom) * 7.999) : 0;
        text_add(out, steps[step < 0 ? 0 : step > 7 ? 7 : step]);
    }
}

static void add_bar(const progress_view *v, text *out)
{
    int full = (int)(v->share * BAR_CELLS + 1e-9);
    for (int i = 0; i < BAR_CELLS; i++) {
        if (v->style.unicode)
            text_add(out, i < full ? "━" : "─");
        else
            text_add(out, i < full ? "#" : ".");
    }
}

static void add_rate(const progress_view *v, const progress *p, double seconds, text *out)
{
    double units = (v->share - v->first) * (double)p->total;
    if (p->epochs > 0)
        units *= (double)p->epochs;
    if (units <= 0 || seconds <= 0 || !p->unit)
        return;
    double rate = units / seconds;
    if (rate >= 1)
        text_addf(out, "%.3g %s/s", rate, p->unit);
    else
        text_addf(out, "%.3g s/%s", 1 / rate, p->unit);
}

static void add_seconds(const char *before, double seconds, text *out)
{
    char buffer[32];
    text_addf(out, "%s%s", before,
              seconds < 1 ? "0 s" : text_seconds(buffer, floor(seconds)));
}

static void add_eta(const progress_view *v, double seconds, text *out)
{
    double gained = v->share - v->first;
    if (gained <= 0 || seconds <= 0)
        return;
    add_seconds("eta ", seconds * (1 - v->share) / gained, out);
}

/* The pieces in the order in which they are written. */
enum { STAGE, BAR, EPOCH, SPARK, LOSS, METRIC, RATE, ELAPSED, ETA, PIECES };

static void fill_pieces(const progress_view *v, const progress *p, double now,
                        text *piece)
{
    double seconds = now - v->began;
    text_addf(&piece[STAGE], "%s %lld/%lld", p->stage ? p->stage : "work",
              (long long)p->done, (long long)p->total);
    add_bar(v, &piece[BAR]);
    if (p->epochs > 0)
        text_addf(&piece[EPOCH], "epoch %lld/%lld", (long long)p->epoch,
                  (long long)p->epochs);
    add_sparkline(v, &piece[SPARK]);
    if (isfinite(p->loss))
        text_addf(&piece[LOSS], "loss %.4g", p->loss);
    if (isfinite(p->metric))
        text_addf(&piece[METRIC], "val %.4g", p->metric);
    add_rate(v, p, seconds, &piece[RATE]);
    add_seconds("", seconds, &piece[ELAPSED]);
    add_eta(v, seconds, &piece[ETA]);
}

void progress_line(const progress_view *v, const progress *p, double now, int columns,
                   text *out)
{
    /* What goes first when the terminal is narrow. */
    static const int dropped[] = {BAR, ELAPSED, METRIC, RATE, SPARK, EPOCH, LOSS, ETA};
    text piece[PIECES] = {0};
    fill_pieces(v, p, now, piece);
    int width = -2;
    for (int i = 0; i < PIECES; i++)
        width += piece[i].length ? text_columns(piece[i].data) + 2 : 0;
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
        text *one = &piece[dropped[i]];
        if (columns == 0 || width <= columns)
            break;
        width -= one->length ? text_columns(one->data) + 2 : 0;
        text_clear(one);
    }
    for (int i = 0; i < PIECES; i++) {
        if (piece[i].length)
            text_addf(out, "%s%s", i > 0 ? "  " : "", piece[i].data);
        text_clear(&piece[i]);
    }
    if (columns > 0 && text_columns(text_get(out)) > columns)
        text_clear(out);
}

/* ---- drawing ---- */

/* What is typed meanwhile is kept for the prompt, but not written over the line. */
static void set_echo(bool on)
{
    struct termios modes;
    /* Whoever is in the background would be stopped for it. */
    if (tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &modes) != 0)
        return;
    if (on)
        modes.c_lflag |= ECHO;
    else
        modes.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
}

/* Goes to where the line on the screen begins.  A terminal that was made narrower has
   broken it into several. */
static void return_to_begin(const progress_view *v, int columns)
{
    int rows = columns > 0 && v->visible > 0 ? (v->visible - 1) / columns : 0;
    fputs("\r", stderr);
    if (rows > 0)
        fprintf(stderr, "\033[%dA", rows);
}

static void draw(progress_view *v, const progress *p, double now)
{
    text line = {0};
    int columns = terminal_columns(STDERR_FILENO);
    /* One column stays free: terminals wrap when the last is filled. */
    progress_line(v, p, now, columns - 1, &line);
    if (v->visible == 0)
        set_echo(false);
    return_to_begin(v, columns);
    fprintf(stderr, "%s\033[J", text_get(&line));
    fflush(stderr);
    v->drawn = now;
    v->visible = text_columns(text_get(&line));
    text_clear(&line);
}

static void log_milestone(const progress_view *v, const progress *p, double now)
{
    if (p->epochs == 0 && now - v->began < LONG_STAGE)
        return;
    text line = {0};
    text_add(&line, p->stage ? p->stage : "work");
    if (p->epochs > 0)
        text_addf(&line, " epoch %lld/%lld", (long long)p->epoch, (long long)p->epochs);
    else
        text_addf(&line, " %lld/%lld", (long long)p->done, (long long)p->total);
    if (isfinite(p->loss))
        text_addf(&line, " loss %.5g", p->loss);
    if (isfinite(p->metric))
        text_addf(&line, " val %.5g", p->metric);
    add_seconds(" ", now - v->began, &line);
    text_add(&line, "\n");
    fputs(text_get(&line), stderr);
    text_clear(&line);
}

static void report(void *context, const progress *p)
{
    progress_view *v = context;
    double now = task_clock();
    progress_take(v, p, now);
    if (v->form == PROGRESS_LINES && p->milestone)
        log_milestone(v, p, now);
    else if (v->form == PROGRESS_BAR && now - v->drawn >= REDRAW_SECONDS)
        draw(v, p, now);
}

void progress_begin(progress_view *v, progress_form form, const output_style *style,
                    const volatile sig_atomic_t *cancel)
{
    *v = (progress_view){.form = form, .style = *style, .span = 1, .drawn = task_clock()};
    v->task = (task){.context = v, .cancel = cancel};
    if (form != PROGRESS_NONE)
        v->task.report = report;
}

void progress_end(progress_view *v)
{
    if (v->visible > 0) {
        return_to_begin(v, terminal_columns(STDERR_FILENO));
        fputs("\033[J", stderr);
        fflush(stderr);
        set_echo(true);
    }
    v->visible = 0;
}
