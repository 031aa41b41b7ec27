/* SPDX-License-Identifier: GPL-3.0-or-later
   tour.c -- the command `tour`: a walk of a few minutes through what lathe does, one step
   each time, in the session of whoever asks.  It has no state but a variable of the
   session. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "plots/gnuplot.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

static const struct {
    const char *line, *words;
} steps[] = {
    {"data tour-data gpe n=16 grid=32 starts=1 seed=1; split tour-data seed=1",
     "Data first: rotating condensates, simulated here, and which way their phase turns. "
     " "
     "A few are kept for validation and for the test."},
    {"model tour unet-phase levels=3 channels=8 size=32 seed=1",
     "A small U-Net that is to tell the phase from the density alone.  'list "
     "architectures' counts the others."},
    {"train tour tour-data epochs=24 batch=4 lr=0.003 seed=1",
     "It is trained.  Ctrl-C would stop it after the step at hand and keep what it has "
     "learnt; 'train ... resume=yes' would go on."},
    {"plot training tour",
     "What it learnt, epoch by epoch, on the samples it was trained on and on those kept "
     "for validation.  '> FILE.pdf' behind it would make a figure for paper."},
    {"prune tour amount=0.8 retrain=6 data=tour-data batch=4 seed=1 as=tour-80",
     "Four of five weights go, the least ones, and the rest is trained a little more.  "
     "The bytes are those of the file that holds what is left."},
    {"plot weights tour-80 before=tour layer=d.2.3",
     "The weights of each layer, before and after: the least are gone, and the others "
     "have "
     "moved a little."},
    {"quantize tour-80 data=tour-data as=tour-8",
     "The rest becomes integers of eight bits, weights and what flows between layers; "
     "the kernels that run then are integer ones."},
    {"eval tour tour-80 tour-8 tour-data confidence=0",
     "All three on samples that none of them has seen, read back from their files: what "
     "was saved, and what it costs."},
    {"show tour-8 steps=yes",
     "And how the last one came to be: a model and its file know what was done to them."},
};

enum { STEPS = sizeof steps / sizeof *steps };

static const option options[] = {
    {"step", OPTION_INTEGER, "1..9", NULL, NULL,
     "go on from this one (default: the next)"},
    {0},
};

static int64_t next_step(const call *c)
{
    int64_t done;
    const char *words = session_variable(c->session, "tour");
    if (option_given(&c->options, "step"))
        return option_integer(&c->options, "step") - 1;
    return words && text_to_integer(words, &done) && done >= 0 && done < STEPS ? done : 0;
}

/* What step AT does; where it cannot be drawn, that is said, and the walk goes on. */
static status take_step(call *c, int64_t at, error *e)
{
    error missing = {0};
    char *program = text_starts(steps[at].line, "plot ") ? gnuplot_find(&missing) : NULL;
    memory_free(program);
    if (missing.code != E_OK) {
        rows_note(c, "it was not drawn: %s; %s", missing.text, missing.hint);
        return E_OK;
    }
    return interpreter_capture(c->interpreter, steps[at].line, c->task, c->rows,
                               &c->notes, e);
}

/* WORDS in lines of at most COLUMNS. */
static void add_lines(text *out, const char *words, size_t columns)
{
    while (strlen(words) > columns) {
        size_t end = columns;
        while (end > 0 && words[end] != ' ')
            end--;
        end = end > 0 ? end : columns;
        text_addf(out, "%.*s\n", (int)end, words);
        words += end + strspn(words + end, " ");
    }
    text_addf(out, "%s\n", words);
}

static status tour(call *c, error *e)
{
    char number[32];
    text *out = &c->picture;
    const int64_t at = next_step(c);
    const int columns = interpreter_settings(c->interpreter)->columns;
    text_addf(out, "Step %lld of %d.  ", (long long)at + 1, STEPS);
    text words = {0};
    text_addf(&words, "%s%s", text_get(out), steps[at].words);
    text_clear(out);
    add_lines(out, text_get(&words), columns > 20 ? (size_t)columns - 1 : 79);
    text_clear(&words);
    text_addf(out, "\n> %s\n\n", steps[at].line);
    TRY(take_step(c, at, e));
    snprintf(number, sizeof number, "%lld", (long long)at + 1);
    TRY(session_let(c->session, "tour", number, e));
    if (at + 1 < STEPS)
        rows_note(c, "'tour' goes on with step %lld", (long long)at + 2);
    else
        rows_note(c, "that was all: 'undo' takes steps back, 'screen' shows them as a "
                     "tree, 'help' has the rest");
    return E_OK;
}

const command command_tour = {
    .name = "tour",
    .group = "session",
    .summary = "a walk of a few minutes through what lathe does",
    .options = options,
    .arguments = 1,
    .flags = COMMAND_CHANGES | COMMAND_LONG,
    .example = "tour",
    .details =
        "Each time it does one step, an ordinary command that is shown, and says why.  "
        "What it makes is called tour, tour-80, tour-8 and tour-data, and is used, "
        "undone and dropped as anything else.",
    .see = "help, screen",
    .run = tour,
};
